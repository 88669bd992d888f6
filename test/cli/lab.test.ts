import { expect, test } from 'vitest'
import { catenary } from './run-catenary.ts'

test('catenary lab grade: a skeleton fails kindly, nonsense is a usage error', {
  timeout: 30_000,
}, async () => {
  const skeleton = await catenary(['lab', 'grade', 'docs/labs/skeletons/4-log-backup.ts'])
  expect([skeleton.status, skeleton.stdout]).toEqual([1, expect.stringContaining('your turn')])
  const none = await catenary(['lab', 'grade', 'no-such-file.ts'])
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('there is no file')])
})

test('catenary lab: what is not an address is a usage error', { timeout: 30_000 }, async () => {
  const wrong = await catenary(['lab', '--connect', 'nobody'])
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('host:port')])
  const port = await catenary(['lab', '--port', '70000'])
  expect(port.status).toBe(2)
})
