import { describe, expect, test } from 'vitest'
import { Board } from '../../lab/page/board/board.ts'
import type { BoardView, OperationView } from '../../lab/page/board/view.ts'
import { BEGIN_MS } from '../../lab/page/chapters/actions.ts'
import type { BoardScenario } from '../../lab/page/chapters/chapter.ts'
import { CHAPTERS } from '../../lab/page/chapters/chapters.ts'

/** What a scenario has come to, as the reader sees it. */
interface Seen {
  readonly board: Board
  readonly view: BoardView
  /** In the order of the calls. */
  readonly operations: readonly OperationView[]
  /** Its answer, or its state where it has none. */
  said(text: string): readonly string[]
  tookMs(text: string): readonly number[]
  /** The view at so many ms after the scenario's beginning. */
  at(ms: number): BoardView
  replica(server: string, view?: BoardView): { epoch: number; role: string; last: number; commit: number }
  readonly epochs: readonly string[]
}

function scenarioOf(chapter: number, id: string): BoardScenario {
  const scenario = CHAPTERS[chapter - 1]?.scenarios.find((each) => each.id === id)
  if (scenario?.kind !== 'board') throw new Error(`no board ${id} in chapter ${chapter}`)
  return scenario
}

/** Each scenario is run once; what is seen of it is read several times. */
const runs = new Map<BoardScenario, Promise<Seen>>()

function run(scenario: BoardScenario): Promise<Seen> {
  const known = runs.get(scenario) ?? play(scenario)
  runs.set(scenario, known)
  return known
}

async function play({ options, actions, untilMs }: BoardScenario): Promise<Seen> {
  const board = await Board.open(options, actions, { untilMs })
  const { view } = board
  const operations = view.clients
    .flatMap((client) => client.operations)
    .sort((a, b) => a.calledMs - b.calledMs || Math.abs(a.id) - Math.abs(b.id))
  const ofText = (text: string) => operations.filter((each) => each.text === text)
  return {
    board,
    view,
    operations,
    said: (text) => ofText(text).map(({ answer, state }) => (state === 'ok' ? (answer ?? '') : state)),
    tookMs: (text) =>
      ofText(text).map(({ calledMs, returnedMs }) => (returnedMs ?? Number.POSITIVE_INFINITY) - calledMs),
    at(ms) {
      board.seek(BEGIN_MS + ms)
      const shown = board.view
      board.seek(Number.POSITIVE_INFINITY)
      return shown
    },
    replica(server, of = view) {
      const replica = of.servers.find(({ name }) => name === server)?.replicas[0]
      if (replica === undefined) throw new Error(`no replica at ${server}`)
      return replica
    },
    epochs: board.history.marks.filter(({ kind }) => kind === 'reconfiguration').map(({ text }) => text),
  }
}

const boards = CHAPTERS.flatMap(({ id, scenarios }) =>
  scenarios.flatMap((scenario) =>
    scenario.kind === 'board' ? [{ name: `${id} ${scenario.id}`, scenario }] : [],
  ),
)

test.each(boards)('$name: the judge and the observer say what the chapter says', async ({ scenario }) => {
  const { board } = await run(scenario)
  expect(board.verdict.judgement).toBe(scenario.expect.verdict)
  expect(board.verdict.violations.map(({ invariant }) => invariant)).toEqual(scenario.expect.violations ?? [])
  expect(board.actions).toHaveLength(scenario.actions.length)
})

describe('what the chapters say that will be seen', () => {
  test('3: both writes are answered, and both readers find the last one', async () => {
    const { operations } = await run(scenarioOf(3, 'chain'))
    expect(operations.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok'])
    const [first, second] = operations.slice(2).map(({ answer }) => answer)
    expect(second).toBe(first)
  })

  test('4: nobody decides, and the write stays open', async () => {
    const { said, epochs } = await run(scenarioOf(4, 'nobody-decides'))
    expect(said('put x=1')[0]).toMatch(/^version/)
    expect(said('put x=2')).toEqual(['open'])
    expect(epochs).toEqual([])
  })

  test.each([
    ['head', [2, 1, 1], 'n2 > n3'],
    ['middle', [2, 2, 1], 'n1 > n3'],
    ['tail', [2, 2, 2], 'n1 > n2'],
  ] as const)(
    '4: the %s dies with the write on its way; the epoch rises by one, and nothing is lost',
    async (which, held, members) => {
      const scenario = scenarioOf(4, which)
      const { board, said, tookMs, epochs } = await run(scenario)
      expect(epochs).toHaveLength(1)
      expect(epochs[0]).toContain(`epoch 2: ${members}`)
      expect(said('put x=2')[0]).toMatch(/^version/)
      const decided = board.history.marks.find(({ kind }) => kind === 'reconfiguration')?.atMs ?? 0
      expect(1000 + BEGIN_MS + (tookMs('put x=2')[0] ?? 0)).toBeGreaterThan(decided)
      expect(said('get x')[0]).toMatch(/^2 /)
      if (which === 'tail') expect(said('get x at n3')[0]).toMatch(/^2 /)
      const crashes = scenario.actions.findIndex(({ action }) => action.type === 'crash')
      const untilMs = (scenario.actions[crashes]?.atMs ?? 0) - 0.01
      const { view } = await play({ ...scenario, actions: scenario.actions.slice(0, crashes), untilMs })
      const replicas = view.servers.map((server) => server.replicas[0])
      const opened = 1 // the entry that opens the client's session
      expect(replicas.map((replica) => (replica?.last ?? 0) - opened)).toEqual(held)
      const committed = which === 'tail' ? [1, 1, 2] : [1, 1, 1]
      expect(replicas.map((replica) => (replica?.commit ?? 0) - opened)).toEqual(committed)
    },
  )

  test('5: 2 at the head, uncommitted, and then 1 at the tail; with the rule the head refuses', async () => {
    const wrong = await run(scenarioOf(5, 'newest'))
    expect(wrong.said('get x at n1')[0]).toMatch(/^2 .*uncommitted/)
    expect(wrong.said('get x at n3')[0]).toMatch(/^1 /)
    const right = await run(scenarioOf(5, 'tail'))
    expect(right.said('get x at n1')).toEqual(['failed'])
    expect(right.said('get x at n3')[0]).toMatch(/^1 /)
  })

  test('6: the middle refuses in chain replication; with CRAQ only the dirty read asks', async () => {
    const chain = await run(scenarioOf(6, 'refused'))
    expect(chain.said('get y at n2')).toEqual(['failed'])
    const craq = await run(scenarioOf(6, 'craq'))
    expect(craq.said('get y at n2')[0]).toMatch(/^1 /)
    expect(craq.said('get x at n2')[0]).toMatch(/^[12] /)
    const [clean = 0] = craq.tookMs('get y at n2')
    const [dirty = 0] = craq.tookMs('get x at n2')
    expect(dirty).toBeGreaterThan(2 * clean)
    expect(craq.board.history.marks.filter(({ kind }) => kind === 'dirty-read')).toHaveLength(1)
  })

  test('7: 2 at the tail, and then 1 at the head; asked, both are 2', async () => {
    const wrong = await run(scenarioOf(7, 'shortcut'))
    expect(wrong.said('get x at n3')[0]).toMatch(/^2 /)
    expect(wrong.said('get x at n1')[0]).toMatch(/^1 /)
    expect(wrong.board.verdict.culprits.length).toBeGreaterThanOrEqual(2)
    const right = await run(scenarioOf(7, 'ask'))
    expect(right.said('get x at n3')[0]).toMatch(/^2 /)
    expect(right.said('get x at n1')[0]).toMatch(/^2 /)
  })

  test('8: a broken link puts out somebody who is alive, and the write goes through', async () => {
    const { said, view, epochs } = await run(scenarioOf(8, 'broken-link'))
    expect(said('put x=2')[0]).toMatch(/^version/)
    expect(view.servers.every(({ state }) => state === 'up')).toBe(true)
    expect(epochs.at(-1)).toMatch(/: n\d > n\d$/)
  })

  test('8: two heads of two epochs; the message of the old one is refused, and the write is done by the new one', async () => {
    const seen = await run(scenarioOf(8, 'old-head'))
    const before = seen.at(5900)
    expect(seen.replica('n1', before)).toMatchObject({ epoch: 1, role: 'head' })
    expect(seen.replica('n2', before)).toMatchObject({ epoch: 2, role: 'head' })
    expect(seen.replica('n1')).toMatchObject({ epoch: 2, role: 'removed' })
    expect(seen.replica('n1').last).toBeGreaterThan(seen.replica('n1').commit)
    expect(seen.said('put x=2')[0]).toMatch(/^version/)
    expect(seen.tookMs('put x=2')[0]).toBeLessThan(3000)
  })

  test('9: 1 after 2 was acknowledged; with a lease no answer, and the lease ends before the epoch begins', async () => {
    const wrong = await run(scenarioOf(9, 'no-lease'))
    expect(wrong.said('put x=2')[0]).toMatch(/^version/)
    expect(wrong.said('get x at n2')[0]).toMatch(/^1 /)
    expect(wrong.replica('n2')).toMatchObject({ epoch: 1 })
    const right = await run(scenarioOf(9, 'lease'))
    expect(right.said('get x at n2')).toEqual(['failed'])
    const ends =
      right.at(4000).servers.find(({ name }) => name === 'n2')?.lease?.untilMs ?? Number.POSITIVE_INFINITY
    const begins = right.board.history.marks.find(({ kind }) => kind === 'reconfiguration')?.atMs ?? 0
    expect(ends).toBeLessThan(begins)
  })

  test('10: 2 after 3 was acknowledged; with the handoff a refusal, and then 3', async () => {
    const wrong = await run(scenarioOf(10, 'no-handoff'))
    expect(wrong.said('put x=3')[0]).toMatch(/^version/)
    expect(wrong.said('get x at n3')[0]).toMatch(/^2 /)
    const right = await run(scenarioOf(10, 'handoff'))
    const [first, second] = right.said('get x at n3')
    expect(first).toBe('failed')
    expect(second).toMatch(/^3 /)
    const steps = right.epochs.slice(-3).map((text) => text.replace(/^.*?: /, ''))
    expect(steps).toEqual(['n1 > n2, n3 joins', 'n1 > n2 > n3 (not yet serving)', 'n1 > n2 > n3'])
  })

  test('11: acknowledged in memory and gone; on disks nothing that was acknowledged is lost', async () => {
    const memory = await run(scenarioOf(11, 'memory'))
    expect(memory.said('put x=2')[0]).toMatch(/^version/)
    expect(memory.said('get x')[0]).toMatch(/^1 /)
    const early = await run(scenarioOf(11, 'before-disk'))
    expect(early.said('put x=1')[0]).toMatch(/^version/)
    const disk = await run(scenarioOf(11, 'after-disk'))
    expect(disk.said('put x=1')[0]).toMatch(/^version/)
    expect(disk.said('put x=2')).toEqual(['unknown'])
    expect(disk.said('get x')[0]).toMatch(/^[12] /)
  })

  test('15: a slow member slows every write; more members, more hops', async () => {
    const [slow = 0] = (await run(scenarioOf(15, 'slow-member'))).tookMs('put x=2')
    const [three = 0] = (await run(scenarioOf(15, 'three'))).tookMs('put x=2')
    const [five = 0] = (await run(scenarioOf(15, 'five'))).tookMs('put x=2')
    expect(three).toBeGreaterThan(100)
    expect(three).toBeLessThan(170)
    expect(five).toBeGreaterThan(160)
    expect(five).toBeLessThan(250)
    expect(slow).toBeGreaterThan(600)
    expect(slow).toBeLessThan(900)
  })
})
