/** After all the killing: is everything there that was acknowledged, and nothing twice? */
import type { Client } from '../../client/index.ts'
import type { Load } from './load.ts'

export interface Verdict {
  readonly writes: number
  readonly increments: number
  readonly lost: number
  readonly duplicated: number
  readonly wrongReads: number
  /** Increments without an answer: they may count or not. */
  readonly unknown: number
}

export async function verify(client: Client, load: Load): Promise<Verdict> {
  let lost = 0
  const keys = [...load.acknowledged.keys()]
  for (let from = 0; from < keys.length; from += 500) {
    const page = keys.slice(from, from + 500)
    const values = await client.getMany(page, { timeoutMs: 30_000 })
    page.forEach((key, i) => {
      if (values[i]?.text() !== load.acknowledged.get(key)) lost++
    })
  }
  const counted = { increments: 0, duplicated: 0, unknown: 0 }
  for (const [key, { acknowledged, unknown }] of load.counters) {
    const found = Number((await client.get(key, { timeoutMs: 30_000 }))?.text() ?? 0)
    lost += Math.max(0, acknowledged - found)
    counted.duplicated += Math.max(0, found - acknowledged - unknown)
    counted.increments += acknowledged
    counted.unknown += unknown
  }
  return { writes: keys.length, lost, wrongReads: load.wrongReads, ...counted }
}
