import { afterAll, beforeAll, expect, test } from 'vitest'
import { MEMBER, type Principal } from '../../../protocol/access.ts'
import { type HttpDoor, openHttpDoor } from '../../../runtime/doors/http.ts'
import { basicAuthorization, memberAuthorization } from '../../../runtime/security/basic-authorization.ts'
import type { Claim } from '../../../runtime/security/logins.ts'

const ANN: Principal = { name: 'ann', member: false, grants: [] }
const asked: Claim[] = []
let door: HttpDoor

beforeAll(async () => {
  door = await openHttpDoor({
    ...{ host: '127.0.0.1', port: 0 },
    status: () => ({ all: 'well' }),
    unhealthy: () => null,
    unready: () => null,
    metrics: async () => ({ contentType: 'text/plain', text: async () => 'up 1\n' }),
    routes: { '/backup': (_, response) => void response.end('all of it') },
    logins: {
      check: async (claim) => {
        asked.push(claim)
        if (claim.password === 'many') return 'busy'
        if (claim.name === MEMBER.name) return claim.password === 'derived' ? MEMBER : 'refused'
        return claim.password === 'ge:heim ü' ? ANN : 'refused'
      },
    },
  })
})

afterAll(() => door.close())

const ask = async (path: string, authorization?: string) => {
  const headers = authorization === undefined ? {} : { authorization }
  return fetch(`http://127.0.0.1:${door.port}${path}`, { headers })
}
const ann = basicAuthorization({ user: 'ann', password: 'ge:heim ü' })

test('how it is may be asked by everybody', async () => {
  for (const path of ['/healthz', '/readyz']) expect((await ask(path)).status).toBe(200)
  expect((await ask('/nothing')).status).toBe(404)
  expect(asked).toEqual([])
})

test('numbers are for users, whole copies for admins', async () => {
  for (const path of ['/metrics', '/status']) {
    expect((await ask(path, ann)).status).toBe(200)
    const refused = await ask(path)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Basic realm="catenary", charset="UTF-8"')
  }
  expect(asked.at(-1)).toEqual({ name: 'ann', password: 'ge:heim ü', remote: '127.0.0.1', door: 'http' })
  expect((await ask('/backup')).status).toBe(401)
  expect((await ask('/backup', ann)).status).toBe(403)
  const whole = await ask('/backup', memberAuthorization({ httpPassword: 'derived' }))
  expect(await whole.text()).toBe('all of it')
})

test('what is no right answer', async () => {
  for (const said of [
    '',
    'Basic',
    'Basic !',
    'Basic YW5u',
    'Bearer x',
    basicAuthorization({ user: 'ann', password: '' }),
  ])
    expect((await ask('/status', said)).status, said).toBe(401)
  const busy = await ask('/status', basicAuthorization({ user: 'ann', password: 'many' }))
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '1'])
})
