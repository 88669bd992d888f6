/** From a kill to the first success, with a session timeout of 2 s. */
import { setTimeout as sleep } from 'node:timers/promises'
import Table from 'cli-table3'
import { type Client, connect } from '../../client/index.ts'
import { startLocalCluster } from '../../runtime/processes/local-cluster.ts'

const SESSION_TIMEOUT_MS = 2000
/** Reads that went to the dead server are tried elsewhere at once; nobody waits until it is declared dead. */
const READ_GAP_MS_MAX = SESSION_TIMEOUT_MS / 4

const cells = (gapMs: number, goalMs: number) => [
  `${Math.round(gapMs)} ms`,
  `<= ${goalMs} ms`,
  gapMs <= goalMs ? 'met' : 'missed',
]

/** Kills the head, the middle and the tail in turn; prints how long reads and writes stood still. */
export async function measureFailover(directory: string, entry: string): Promise<void> {
  const cluster = await startLocalCluster({
    directory,
    entry,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    logLevel: 'warn',
  })
  const table = new Table({
    head: ['killed', 'longest gap between reads', 'goal', '', 'longest gap between writes', 'goal', ''],
    style: { head: [], border: [] },
  })
  const client = await connect({ servers: cluster.clientServers, timeoutMs: 20_000 })
  try {
    await Promise.all(Array.from({ length: 1000 }, (_, i) => client.put(`clean/${i}`, 'value')))
    for (const [what, position] of [
      ['head', 0],
      ['middle', 1],
      ['tail', 2],
    ] as const) {
      const victim = (await cluster.chain())?.members[position]?.server
      if (victim === undefined) throw new Error('the chain is not whole')
      const gaps = watchGaps(client)
      await sleep(500)
      await cluster.process(victim).kill()
      await sleep(SESSION_TIMEOUT_MS * 2)
      const { reads, writes } = await gaps.stop()
      console.log(
        `  killed the ${what}, ${victim}: reads stood still for ${Math.round(reads)} ms, writes for ${Math.round(writes)} ms`,
      )
      table.push([what, ...cells(reads, READ_GAP_MS_MAX), ...cells(writes, SESSION_TIMEOUT_MS * 1.5)])
      cluster.process(victim).start()
      await cluster.untilWhole()
    }
    console.log(
      `Failover, session timeout ${SESSION_TIMEOUT_MS} ms, reads of clean keys spread over all replicas:\n${table.toString()}`,
    )
  } finally {
    await client.close()
    await cluster.stop()
  }
}

/** Reads clean keys and writes others, several at a time; measures the longest time without a success of each. */
function watchGaps(client: Client): { stop(): Promise<{ reads: number; writes: number }> } {
  let stopped = false
  const gap = (act: (i: number) => Promise<unknown>) => {
    let [longest, last] = [0, performance.now()]
    const worker = async (w: number) => {
      for (let i = w; !stopped; i += 8) {
        await act(i)
        const now = performance.now()
        longest = Math.max(longest, now - last)
        last = now
        await sleep(2)
      }
    }
    const workers = Promise.all(Array.from({ length: 8 }, (_, w) => worker(w)))
    return async () => {
      await workers
      return longest
    }
  }
  const reads = gap((i) => client.get(`clean/${i % 1000}`))
  const writes = gap((i) => client.put(`written/${i % 1000}`, 'value'))
  return {
    stop: async () => {
      stopped = true
      return { reads: await reads(), writes: await writes() }
    },
  }
}
