/**
 * `npm run fuzz:redis -- --inputs 1000000 --seed 1`: right, changed and random inputs at the real Redis door over real sockets, in rounds of a new server each. Ends with
 * status 1 at the first thing that no client may bring about, and says how to see it again.
 */
import { parseArgs } from 'node:util'
import { megabytes, memory, numberOf } from '../command-line.ts'
import { fuzzRedis } from './fuzz-redis.ts'

const ROUND_INPUTS = 100_000

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
})

async function main(): Promise<void> {
  const [inputs, seed] = [numberOf(values, 'inputs'), numberOf(values, 'seed')]
  console.log(`${inputs} inputs from seed ${seed}; ${memory()}`)
  const begunMs = performance.now()
  let taken = 0
  let sent = 0
  let mutated = 0
  for (let round = 0; taken < inputs; round++) {
    const one = await fuzzRedis({ seed: seed + round, inputs: Math.min(ROUND_INPUTS, inputs - taken) })
    taken += one.taken
    sent += one.sent
    mutated += one.mutated
    const perSecond = Math.round((taken * 1000) / (performance.now() - begunMs))
    console.log(
      `seed ${seed + round}: ${taken} inputs taken, ${perSecond}/s, ${one.connections} connections, ${one.refused} told of a protocol error; at most ${megabytes(one.inputBytesMax)} waited; ` +
        `the well-behaved client asked ${one.witnessCalls} times, the slowest took ${one.witnessMaxMs.toFixed(0)} ms; ${memory()}`,
    )
  }
  console.log(`${sent} inputs sent, ${mutated} of them mutated`)
  console.log('nothing failed, hung or was left behind')
}

await main()
