/**
 * `npm run fuzz:native -- --inputs 1000000 --http 100000 --seed 1`: changed, absurd and random inputs at the native port of two data servers, the peer port of their coordinator, and
 * their http doors; all of them processes of their own. `--inputs` counts those that were changed. `--secured`: the cluster has a secret, and nobody without it gets a body through. Ends with status 1 at the first thing that no client may bring about.
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { megabytes, numberOf } from '../command-line.ts'
import { type FuzzCounts, type FuzzResult, fuzzNative } from './fuzz-native.ts'
import { startProcessTarget } from './process-target.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    http: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    secured: { type: 'boolean', default: false },
  },
})

function tellCounts(counts: FuzzCounts): void {
  const { connections, mutated, right, replayed, refused, explained } = counts
  console.log(
    `${mutated} mutated inputs (${right} right, ${replayed} said again) over ${connections} connections, ${refused} of them closed by the other side` +
      `${explained > 0 ? `, ${explained} with the expected line in its log` : ''}`,
  )
}

function tell(doors: string, result: FuzzResult): void {
  const { seconds, connections, mutated, witnessCalls, witnessMaxMs, memory } = result
  console.log(
    `${doors}, ${seconds.toFixed(0)} s, ${Math.round(mutated / seconds)} inputs/s, ${Math.round(connections / seconds)} connections/s:`,
  )
  tellCounts(result)
  console.log(
    `the well-behaved client made ${witnessCalls} calls, the slowest pair took ${witnessMaxMs.toFixed(0)} ms`,
  )
  for (const [name, { before, peak, after }] of Object.entries(memory))
    console.log(
      `memory of ${name}: ${megabytes(before)} before, ${megabytes(peak)} at most, ${megabytes(after)} after`,
    )
}

async function main(): Promise<void> {
  const [inputs, http, seed] = [
    numberOf(values, 'inputs'),
    numberOf(values, 'http'),
    numberOf(values, 'seed'),
  ]
  console.log(
    `${inputs} mutated inputs for the native and the peer port, ${http} for the http door, from seed ${seed}`,
  )
  const secret = values.secured ? randomBytes(32).toString('base64url') : null
  const target = await startProcessTarget({ secret })
  try {
    if (inputs > 0)
      tell(
        'native and peer port',
        await fuzzNative(target, { seed, doors: 'native', mutated: inputs, onProgress: tellCounts }),
      )
    if (http > 0)
      tell(
        'http door',
        await fuzzNative(target, { seed, doors: 'http', mutated: http, onProgress: tellCounts }),
      )
  } finally {
    await target.close()
  }
  console.log('nothing failed, hung or was left behind')
}

await main()
