/**
 * `npm run fuzz:zookeeper -- --frames 1000000 --seed 1 --sockets 50000`: changed frames of all operations against the real ZooKeeper door, in rounds of a new
 * member each; then some more over real sockets. Ends with status 1 at the first thing that no client may bring about, and says how to see it again.
 */
import { parseArgs } from 'node:util'
import { zkErrorName } from '../../protocol/zookeeper/errors.ts'
import { memory, numberOf } from './command-line.ts'
import { fuzzRound } from './fuzz-round.ts'
import { fuzzSockets } from './socket-run.ts'

const ROUND_FRAMES = 50_000

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    sockets: { type: 'string', default: '50000' },
  },
})

async function main(): Promise<void> {
  const frames = numberOf(values, 'frames')
  const seed = numberOf(values, 'seed')
  const sockets = numberOf(values, 'sockets')
  console.log(`${frames} frames in process from seed ${seed}, then ${sockets} over sockets; ${memory()}`)
  const startedMs = performance.now()
  let taken = 0
  let answers = 0
  let connections = 0
  const errors = new Map<number, number>()
  for (let round = 0; taken < frames; round += 1) {
    const one = await fuzzRound({ seed: seed + round, frames: Math.min(ROUND_FRAMES, frames - taken) })
    taken += one.taken
    answers += one.answers
    connections += one.connections
    for (const [code, count] of one.errors) errors.set(code, (errors.get(code) ?? 0) + count)
    const perSecond = Math.round(taken / ((performance.now() - startedMs) / 1000))
    console.log(
      `seed ${seed + round}: ${taken} frames taken, ${answers} answers, ${connections} connections, ${perSecond} frames/s; ${memory()}`,
    )
  }
  const counts = [...errors].sort(([, a], [, b]) => b - a)
  console.log(`replies: ${counts.map(([code, count]) => `${zkErrorName(code)} ${count}`).join(', ')}`)
  if (sockets > 0) {
    const { taken: over, seconds, witnessCalls, witnessMaxMs } = await fuzzSockets({ seed, frames: sockets })
    console.log(
      `sockets: ${over} frames taken, ${Math.round(over / seconds)}/s; the well-behaved client made ${witnessCalls} calls, the slowest pair took ${witnessMaxMs.toFixed(0)} ms; ${memory()}`,
    )
  }
  console.log('nothing failed, hung or was left behind')
}

await main()
