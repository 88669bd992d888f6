import { expect, test } from 'vitest'
import { Board } from '../../lab/page/board/board.ts'
import { Frames } from '../../lab/page/board/frames.ts'
import type { BoardView } from '../../lab/page/board/view.ts'

test('ten minutes and more can be scrubbed, in bounded memory', () => {
  const frames = new Frames()
  for (let ms = 0; ms < 3_600_000; ms += 20)
    if (frames.isDue(ms)) frames.add({ view: { atMs: ms } as BoardView, actions: 0 })
  expect(frames.length).toBeLessThan(8_000)
  for (const ms of [0, 1, 99, 1_234_567, 3_599_999]) {
    const found = frames.at(ms)?.view.atMs ?? -1
    expect(found).toBeLessThanOrEqual(ms)
    expect(ms - found).toBeLessThan(2_000)
  }
})

test('a run with five servers: seeking is quick', async () => {
  const board = await Board.open({ seed: 4, servers: 5, replicationFactor: 5, clients: 6 })
  const began = performance.now()
  const { events } = board.view
  await board.runFor(8_000)
  const perSecond = ((board.view.events - events) / (performance.now() - began)) * 1000
  const from = performance.now()
  for (const share of [0.1, 0.9, 0.5, 0.3]) {
    board.seek(8_000 * share)
    expect(board.view.atMs).toBeLessThanOrEqual(8_000 * share)
    expect(board.view.atMs).toBeGreaterThan(8_000 * share - 500)
  }
  const seekMs = (performance.now() - from) / 4
  console.info(`page board: ${Math.round(perSecond)} events/s, a seek takes ${seekMs.toFixed(2)} ms`)
  expect(seekMs).toBeLessThan(200)
})

test('thousands of messages on their way: the view stays small, and says how many it hides', async () => {
  const board = await Board.open({ seed: 4 })
  expect(board.act({ type: 'cut', from: 'client-1', to: 'n2', both: false })).toBeNull()
  const op = { type: 'get', key: 'x', at: 'n2' } as const
  for (let i = 0; i < 1_900; i++) board.act({ type: 'client', client: 'client-1', op })
  await board.runFor(50)
  expect(board.view.messages.length).toBeLessThanOrEqual(400)
  expect(board.view.messages.length + board.view.messagesHidden).toBeGreaterThan(1_900)
  expect(board.view.messages.some(({ held }) => held === 'connecting' || held === 'cut')).toBe(true)
  await board.runFor(12_000)
  expect(board.view.messagesHidden).toBe(0)
  expect(board.verdict.judgement).toBe('linearizable')
})
