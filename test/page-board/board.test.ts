import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Action } from '../../lab/page/board/action.ts'
import { Board } from '../../lab/page/board/board.ts'
import { HANDLERS, TIMERS } from '../../lab/page/board/captions.ts'
import { runScenario } from '../../lab/page/board/run-scenario.ts'
import { missed } from '../../lab/page/board/scenario-text.ts'
import { leaseFraction } from '../../lab/page/board/view.ts'

const put = (key: string, value: string, client = 'client-1'): Action => ({
  type: 'client',
  client,
  op: { type: 'put', key, value },
})
const get = (key: string, at?: string, client = 'client-2'): Action => ({
  type: 'client',
  client,
  op: { type: 'get', key, ...(at === undefined ? {} : { at }) },
})

const done = (board: Board, action: Action) => expect(board.act(action)).toBeNull()

/** What every client was told, in order. */
const answers = (board: Board) =>
  board.view.clients.flatMap(({ operations }) => operations.map(({ text, answer }) => `${text}: ${answer}`))

async function story(): Promise<Board> {
  const board = await Board.open({ seed: 7 })
  done(board, put('x', '5'))
  for (let i = 0; i < 12; i++) await board.step()
  await board.runFor(333.3)
  done(board, { type: 'crash', node: 'n2' })
  done(board, put('x', '6'))
  expect(await board.runUntil('reconfiguration', 30_000)).toBe(true)
  done(board, { type: 'restart', node: 'n2' })
  await board.runFor(4000)
  done(board, get('x', 'n2'))
  await board.runFor(500)
  return board
}

describe('a run', () => {
  test('shows who is what, and what a write does', async () => {
    const board = await Board.open({ seed: 1 })
    expect(board.view.servers.map(({ replicas }) => replicas[0]?.role)).toEqual(['head', 'middle', 'tail'])
    expect(board.view.coordinators.map(({ raft }) => raft?.role).sort()).toEqual([
      'follower',
      'follower',
      'leader',
    ])
    const { lease } = board.view.servers[0] ?? {}
    expect(leaseFraction(lease ?? null, board.view.atMs)).toBeGreaterThan(0)
    const before = board.view
    done(board, put('x', '5'))
    let dirty = 0
    for (let i = 0; i < 60 && board.view.clients[0]?.operations[0]?.state === 'open'; i++) {
      await board.step()
      const keys = board.view.servers[1]?.replicas[0]?.keys ?? []
      if (keys[0]?.versions[0]?.state === 'dirty') dirty++
    }
    expect(dirty).toBeGreaterThan(0)
    expect(answers(board)[0]).toMatch(/^put x=5: version/)
    expect(board.view.servers[0]?.replicas[0]?.keys).toEqual([
      { key: 'x', versions: [expect.objectContaining({ value: '5', state: 'clean' })] },
    ])
    expect(board.view.znodes.some(({ path }) => path === '/catenary/chains/c0')).toBe(true)
    expect(board.view.caption?.file).toMatch(/\.ts$/)
    expect(board.arrows(0, board.view.atMs).some(({ label }) => label.startsWith('append'))).toBe(true)
    // What did not change is the same object.
    expect(board.view.configs).toBe(before.configs)
    expect(board.view).toBe(board.view)
  })

  test('is the same again from its link, and from its scenario', async () => {
    const board = await story()
    expect(answers(board).at(-1)).toMatch(/^get x at n2: 6/)
    expect(board.verdict).toMatchObject({ judgement: 'linearizable', violations: [] })
    const said = Board.fromLink(board.toLink())
    if ('error' in said) throw new Error(said.error)
    const again = await Board.open(said.options, said.actions, { untilMs: said.untilMs })
    expect(again.hash).toBe(board.hash)
    expect(again.view).toEqual(board.view)
    expect(again.toLink()).toBe(board.toLink())
    const { failures } = await runScenario(board.toScenario())
    expect(failures).toEqual([])
    const seen = { verdict: board.verdict, hash: board.hash }
    const expected = { judgement: null, violations: ['ReadUnderLease'], hash: null }
    expect(missed(expected, seen)).toEqual(['broken promises: none, not ReadUnderLease'])
  })

  test('goes on from the past as it went on then', async () => {
    const board = await story()
    const { spanMs, marks } = board.history
    expect(marks.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['action', 'crash', 'reconfiguration']),
    )
    const crashed = marks.find(({ kind }) => kind === 'crash')?.atMs ?? 0
    board.seek(crashed + 1000)
    expect(board.isLive).toBe(false)
    expect(board.view.servers[1]?.state).toBe('crashed')
    expect(board.act(put('x', '7'))).toMatch(/past/)
    const { events, atMs } = board.view
    await board.resume()
    expect(board.isLive).toBe(true)
    expect(board.view).toMatchObject({ events, atMs })
    const untouched = await Board.open(board.options, board.actions, { untilMs: board.view.atMs })
    expect(untouched.hash).toBe(board.hash)
    expect(board.history.spanMs).toBeLessThan(spanMs)
    board.seek(0)
    expect(board.view.servers[1]?.state).toBe('up')
    board.seek(1e9)
    expect(board.isLive).toBe(true)
  })

  test('with clients that do things by themselves is judged as it goes', async () => {
    const board = await Board.open({ seed: 3, workload: true, clients: 3 })
    await board.runFor(4000)
    expect(board.view.clients.every(({ operations }) => operations.length > 2)).toBe(true)
    expect(board.verdict.operations).toBeGreaterThan(6)
    expect(board.verdict.judgement).toBe('linearizable')
  })
})

describe('what a visitor does', () => {
  test('each thing is done, or refused with a reason', async () => {
    const board = await Board.open({ seed: 2, servers: 4 })
    const all: Action[] = [
      put('x', '1'),
      { type: 'client', client: 'client-1', op: { type: 'increment', key: 'count', by: 2 } },
      { type: 'client', client: 'client-1', op: { type: 'cas', key: 'x', expect: '9', value: '2' } },
      { type: 'client', client: 'client-1', op: { type: 'append', key: 'y', value: '1' } },
      { type: 'client', client: 'client-1', op: { type: 'delete', key: 'z' } },
      { type: 'client', client: 'client-2', op: { type: 'get', key: 'x', consistency: 'eventual' } },
      { type: 'slow', node: 'n2', costMs: 3 },
      { type: 'skew', node: 'n3', rate: 1.05 },
      { type: 'slow-link', from: 'n1', to: 'n2', factor: 3 },
      { type: 'cut', from: 'n1', to: 'coordinator-1', both: true },
      { type: 'heal', from: 'n1', to: 'coordinator-1', both: true },
      { type: 'isolate', node: 'n4' },
      { type: 'rejoin', node: 'n4' },
      { type: 'pause', node: 'n3' },
      { type: 'resume', node: 'n3' },
      { type: 'heal-all' },
      { type: 'power-cut', node: 'n4' },
      { type: 'restart', node: 'n4' },
      { type: 'crash', node: 'client-2' },
      { type: 'restart', node: 'client-2' },
      { type: 'drain', node: 'n2' },
      { type: 'undrain', node: 'n2' },
      { type: 'add-server' },
      { type: 'znode', op: { type: 'create', path: '/app', data: 'here' } },
      { type: 'znode', op: { type: 'get', path: '/app', watch: true } },
      { type: 'znode', op: { type: 'set', path: '/app', data: 'there' } },
      { type: 'znode', op: { type: 'delete', path: '/nowhere' } },
      { type: 'znode', op: { type: 'sync', path: '/app' } },
    ]
    for (const action of all) {
      done(board, action)
      await board.runFor(40)
    }
    await board.runFor(3000)
    expect(board.actions).toHaveLength(all.length)
    expect(board.view.servers).toHaveLength(5)
    expect(board.view.znodes.find(({ path }) => path === '/app')?.data).toBe('there')
    expect(board.view.answers.map(({ answer }) => answer)).toEqual(
      expect.arrayContaining(['/app', 'data-changed /app', 'NO_NODE']),
    )
    expect(answers(board)).toContain('cas x 9 to 2: no: it is 1')
    const refused: [Action, RegExp][] = [
      [{ type: 'crash', node: 'n9' }, /no n9/],
      [{ type: 'restart', node: 'n1' }, /is up/],
      [{ type: 'message', id: 1, do: 'drop' }, /no longer/],
      [{ type: 'slow', node: 'n1', costMs: -1 }, /costMs must be/],
      [{ type: 'cut', from: 'n1', to: 'n1', both: true }, /itself/],
      [put('x', '1', 'client-7'), /no client-7/],
      [{ type: 'nonsense' } as unknown as Action, /type must be one of/],
    ]
    for (const [action, reason] of refused) expect(board.act(action)).toMatch(reason)
    expect(board.actions).toHaveLength(all.length)
    done(board, { type: 'blackout' })
    expect(board.view.servers.every(({ state }) => state === 'crashed')).toBe(true)
    await board.runFor(100)
    expect(board.verdict.violations).toEqual([])
  })

  test('a message is held, delayed, dropped, delivered', async () => {
    const board = await Board.open({ seed: 5 })
    const append = (to: string) =>
      board.view.messages.find((one) => one.to === to && one.kind === 'append' && !one.routine)
    const untilAppend = async (to: string) => {
      for (let i = 0; i < 100 && append(to) === undefined; i++) await board.step(true)
      return append(to)?.id ?? 0
    }
    done(board, put('x', '1'))
    const id = await untilAppend('n3')
    done(board, { type: 'message', id, do: 'hold' })
    expect(append('n3')).toMatchObject({ held: 'visitor', dueMs: null })
    await board.runFor(300)
    expect(board.view.servers[1]?.replicas[0]?.keys[0]?.versions[0]?.state).toBe('dirty')
    expect(board.view.clients[0]?.operations[0]?.state).toBe('open')
    done(board, get('x', 'n2'))
    expect(await board.runUntil('dirty-read', 200)).toBe(true)
    done(board, { type: 'message', id, do: 'deliver' })
    await board.runFor(500)
    expect(answers(board)[0]).toMatch(/version/)
    done(board, put('x', '2'))
    done(board, { type: 'message', id: await untilAppend('n2'), do: 'drop' })
    expect(await board.runUntil('answer', 5000)).toBe(true)
    done(board, put('x', '3'))
    done(board, { type: 'message', id: await untilAppend('n2'), do: 'delay', byMs: 700 })
    const { atMs } = board.view
    expect(await board.runUntil('answer', 5000)).toBe(true)
    expect(board.view.atMs - atMs).toBeGreaterThan(700)
    expect(board.verdict).toMatchObject({ judgement: 'linearizable', violations: [] })
    const again = await Board.open(board.options, board.actions, { untilMs: board.view.atMs })
    expect(again.hash).toBe(board.hash)
  })
})

test('every caption names a function that is there', () => {
  const all = [...Object.values(HANDLERS).flatMap((kinds) => Object.values(kinds)), ...Object.values(TIMERS)]
  for (const { handler, file } of all) {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    expect(source, `${handler} in ${file}`).toMatch(new RegExp(`(function |^  )${handler}\\(`, 'm'))
  }
})
