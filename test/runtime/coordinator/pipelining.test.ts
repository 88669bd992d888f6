import { afterEach, expect, test } from 'vitest'
import { coordinator } from '../../../client/coordinator/client.ts'
import { Ensemble, eventually } from './ensemble.ts'

const COUNT = 2000
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

test('thousands of writes without waiting take effect in the order of the calls, also across a move to another member', async () => {
  const ensemble = await Ensemble.start(3)
  open.push({ close: () => ensemble.stop() })
  const servers = ensemble.members.map(({ host, clientPort }) => `${host}:${clientPort}`).join(',')
  const client = coordinator({ servers, sessionTimeoutMs: 8000 })
  open.push(client)
  await client.create('/log', null)
  const acknowledged: number[] = []
  const calls: Promise<void>[] = []
  let lost = 0
  const write = (n: number) => {
    const call = client.create('/log/n-', String(n), { sequential: true }).then(
      () => void acknowledged.push(n),
      () => {
        lost += 1
      },
    )
    calls.push(call)
  }
  for (let n = 0; n < COUNT; n += 1) write(n)
  await eventually('some are done', () => acknowledged.length > COUNT / 10)
  const home = ensemble.numbers.find((n) => ensemble.at(n).status().connections > 0) ?? 0
  await ensemble.down(home)
  for (let n = COUNT; n < 2 * COUNT; n += 1) write(n)
  await Promise.all(calls)
  // What was asked for while nobody could be reached has failed, perhaps all of it.
  let next = 2 * COUNT
  await eventually('the session goes on elsewhere', async () => {
    write(next)
    next += 1
    await calls.at(-1)
    return (acknowledged.at(-1) ?? 0) >= 2 * COUNT
  })
  expect(acknowledged).toEqual([...acknowledged].sort((a, b) => a - b))
  expect(acknowledged.length + lost).toBe(next)
  await client.sync('/log')
  const names = [...(await client.getChildren('/log'))].sort()
  const found = await Promise.all(
    names.map(async (name) => Number(new TextDecoder().decode((await client.getData(`/log/${name}`)).data))),
  )
  expect(found).toEqual([...found].sort((a, b) => a - b))
  const there = new Set(found)
  expect(acknowledged.filter((n) => !there.has(n))).toEqual([])
})
