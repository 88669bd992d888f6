import { expect, test } from 'vitest'
import { createMemoryNetwork } from '../../../runtime/transport/memory.ts'
import { Ear, numbered, numberOf } from './fabrics.ts'

function pair() {
  const network = createMemoryNetwork({ delivery: 'manual' })
  const ears = { a: new Ear(), b: new Ear() }
  return { network, ears, a: network.open('a', ears.a), b: network.open('b', ears.b) }
}

test('a pump delivers what is queued, not what the handlers send meanwhile', () => {
  const network = createMemoryNetwork({ delivery: 'manual' })
  const echo = network.open('echo', {
    onBody: (from, body) => echo.send(from, body),
    onDown: () => {},
  })
  const ear = new Ear()
  network.open('a', ear).send('echo', numbered(1))
  network.pump()
  expect(ear.bodies.length).toBe(0)
  network.pump()
  expect(ear.bodies.map(({ from, body }) => [from, numberOf(body)])).toEqual([['echo', 1]])
  expect(network.pump()).toBe(0)
})

test('a break loses what is in flight both ways, also in the middle of a pump', () => {
  const { network, ears, a, b } = pair()
  a.send('b', numbered(1))
  network.pump()
  a.send('b', numbered(2))
  b.send('a', numbered(3))
  network.break('a', 'b')
  network.pump()
  expect(ears.b.bodies.length).toBe(1)
  expect(ears.a.bodies.length).toBe(0)
  expect([ears.a.downs.length, ears.b.downs.length]).toEqual([1, 1])
  expect(a.send('b', numbered(4))).toBe(true)
  network.pump()
  expect(ears.a.downs.length).toBe(2)
  network.heal('a', 'b')
  a.send('b', numbered(5))
  network.pump()
  expect(ears.b.bodies.map(({ body }) => numberOf(body))).toEqual([1, 5])
})

test('what the receiver holds does not change with the sender’s buffer', () => {
  const { network, ears, a } = pair()
  const body = numbered(1)
  a.send('b', body)
  body.fill(9)
  network.pump()
  expect(numberOf(ears.b.bodies[0]?.body ?? numbered(0))).toBe(1)
})

test('two nodes that answer each other for ever leave the event loop alive', async () => {
  const network = createMemoryNetwork()
  let answers = 0
  const a = network.open('a', { onBody: (from, body) => a.send(from, body) && answers++, onDown: () => {} })
  const b = network.open('b', { onBody: (from, body) => b.send(from, body), onDown: () => {} })
  a.send('b', numbered(0))
  await new Promise((resolve) => setTimeout(resolve, 5))
  await Promise.all([a.close(), b.close()])
  expect(answers).toBeGreaterThan(100)
})
