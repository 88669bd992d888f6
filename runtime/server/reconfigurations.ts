/**
 * One log line for each new configuration of a chain, at its head: who left, who joined, why, and for how long no write was committed. It is written when the first
 * write of the new epoch has committed, or once it is clear that nobody writes.
 */
import { describe } from '../../chain/configuration.ts'
import type { Replica } from '../../chain/state.ts'
import { type ChainConfig, headOf } from '../../protocol/chain-config.ts'
import { type ChainId, type Epoch, NO_SEQ, type Seq, type ServerId } from '../../protocol/ids.ts'
import type { Log } from '../log.ts'

/** Without a write for so long after it, the story is told without its end. */
const QUIET_MS = 5000

/** What is known of one chain. */
interface Chain {
  config: ChainConfig | null
  count: number
  commit: Seq
  /** When an entry was last seen to commit; null: not in this life. */
  committedMs: number | null
  /** Since when entries have waited for their commit without any that did; null: none waits. */
  waitingSinceMs: number | null
  open: { readonly before: ChainConfig | null; readonly config: ChainConfig; readonly sinceMs: number } | null
  why: { readonly epoch: Epoch; readonly reason: string } | null
}

export class Reconfigurations {
  readonly #self: ServerId
  readonly #log: Log
  readonly #chains = new Map<ChainId, Chain>()

  constructor(self: ServerId, log: Log) {
    this.#self = self
    this.#log = log
  }

  countOf(chain: ChainId): number {
    return this.#chains.get(chain)?.count ?? 0
  }

  /** What the coordinators' znode says beside a configuration. */
  heardWhy({ chain, epoch }: ChainConfig, reason: string | null): void {
    if (reason !== null) this.#chain(chain).why = { epoch, reason }
  }

  /** A turn ends in which this replica had something to do. */
  look(replica: Replica): void {
    const { chain, config, log, nowMs } = replica
    const known = this.#chain(chain)
    if (config !== null && config.epoch > (known.config?.epoch ?? 0)) this.#adopted(known, config, nowMs)
    const { seq } = log.commit
    if (seq !== known.commit) {
      this.#close(known, nowMs)
      known.commit = seq
      known.committedMs = nowMs
      known.waitingSinceMs = log.last > seq ? nowMs : null
    } else if (known.waitingSinceMs === null && log.last > seq) known.waitingSinceMs = nowMs
  }

  #adopted(known: Chain, config: ChainConfig, nowMs: number): void {
    this.#close(known, null)
    if (headOf(config)?.server === this.#self) known.open = { before: known.config, config, sinceMs: nowMs }
    known.config = config
    known.count++
  }

  tick(nowMs: number): void {
    for (const known of this.#chains.values()) {
      if (known.open !== null && nowMs - known.open.sinceMs > QUIET_MS) this.#close(known, null)
    }
  }

  /** @param committedMs - when the first write of the epoch committed; null: none did. */
  #close(known: Chain, committedMs: number | null): void {
    if (known.open === null) return
    const { before, config } = known.open
    known.open = null
    const why = known.why?.epoch === config.epoch ? known.why.reason : null
    const stillMs =
      committedMs === null || known.committedMs === null ? null : Math.round(committedMs - known.committedMs)
    const waitedMs =
      committedMs === null || known.waitingSinceMs === null
        ? null
        : Math.round(committedMs - known.waitingSinceMs)
    const { left, joined } = difference(before, config)
    this.#log.info(
      {
        event: 'reconfiguration',
        chain: config.chain,
        epoch: config.epoch,
        before: before === null ? null : describe(before),
        after: describe(config),
        left,
        joined,
        why,
        writesStoodStillMs: stillMs,
        oldestWriteWaitedMs: waitedMs,
      },
      storyOf({ before, config, left, joined, why, stillMs, waitedMs, committed: committedMs !== null }),
    )
  }

  #chain(chain: ChainId): Chain {
    let known = this.#chains.get(chain)
    if (known === undefined) {
      known = {
        config: null,
        count: 0,
        commit: NO_SEQ,
        committedMs: null,
        waitingSinceMs: null,
        open: null,
        why: null,
      }
      this.#chains.set(chain, known)
    }
    return known
  }
}

function difference(before: ChainConfig | null, { members }: ChainConfig) {
  const names = members.map(({ server }) => server)
  const earlier = before?.members.map(({ server }) => server) ?? []
  return {
    left: earlier.filter((server) => !names.includes(server)),
    joined: before === null ? [] : names.filter((server) => !earlier.includes(server)),
  }
}

function storyOf(told: {
  readonly before: ChainConfig | null
  readonly config: ChainConfig
  readonly left: readonly ServerId[]
  readonly joined: readonly ServerId[]
  readonly why: string | null
  readonly stillMs: number | null
  readonly waitedMs: number | null
  readonly committed: boolean
}): string {
  const { before, config, left, joined, why, stillMs, waitedMs, committed } = told
  const parts = [
    before === null ? `is ${describe(config)}` : `was ${describe(before)}, is ${describe(config)}`,
    ...(left.length > 0 ? [`left: ${left.join(', ')}`] : []),
    ...(joined.length > 0 ? [`joined: ${joined.join(', ')}`] : []),
    ...(why === null ? [] : [`because ${why}`]),
    ...(stillMs === null ? [] : [`no write was committed for ${stillMs} ms`]),
    ...(waitedMs === null ? [] : [`the oldest that was under way waited ${waitedMs} ms`]),
    ...(committed ? [] : ['no write was committed in it so far']),
  ]
  return `${config.chain}, epoch ${config.epoch}: ${parts.join('; ')}`
}
