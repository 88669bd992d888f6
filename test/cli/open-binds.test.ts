import { expect, test } from 'vitest'
import { refuseOpenBind } from '../../cli/open-binds.ts'

const open = { insecure: false }
const tried = (args: Parameters<typeof refuseOpenBind>[0], host: string) =>
  refuseOpenBind(args, host, '--host').then(
    () => 'listens',
    (error: Error) => error.message,
  )

test.each(['127.0.0.1', '127.8.9.1', '::1', 'localhost'])('%s is this machine alone', async (host) => {
  expect(await tried(open, host)).toBe('listens')
})

test.each(['0.0.0.0', '::', '192.0.2.7', '2001:db8::7', '::ffff:192.0.2.7'])(
  '%s is refused where nobody has to prove who he is',
  async (host) => {
    expect(await tried(open, host)).toMatch(/^--host .*--secret-file FILE.*127\.0\.0\.1.*--insecure/)
    expect(await tried({ insecure: true }, host)).toBe('listens')
    expect(await tried({ ...open, 'secret-file': 'cluster.secret' }, host)).toBe('listens')
    expect(await tried({ ...open, 'tls-mutual': true }, host)).toBe('listens')
  },
)
