/** Clients of the simulated cluster: closed loops that ask again as soon as they have an answer, and writers with a rate. */
import { type ChainConfig, headOf, memberOf, servingMembers, tailOf } from '../../../protocol/chain-config.ts'
import type { ReadCommand, WriteCommand } from '../../../protocol/commands.ts'
import { asChainId, asKey, asMillis, type ChainId, type Key, type ServerId } from '../../../protocol/ids.ts'
import type { Rng } from '../../simulator/kernel/rng.ts'
import type { Outcome, PaperCluster } from './cluster.ts'

export const CHAIN = asChainId('c0')
const KEY = asKey('object')

/** Whom a reader asks: the tail (chain replication), or any replica, anew for each read (CRAQ). */
export type Readers = 'tail' | 'any'

export interface LoadOptions {
  readonly chain?: ChainId
  readonly key?: Key
  /** Where the client stands. */
  readonly site?: string
  /** Another server than usual, for a reason of the figure. */
  readonly pick?: (config: ChainConfig) => ServerId | null
  readonly onDone: (outcome: Outcome) => void
}

/** So many reads are always on the way. Begins now, and never ends. */
export function closedReads(
  cluster: PaperCluster,
  options: LoadOptions & {
    readonly outstanding: number
    readonly readers: Readers
    /** A rest between an answer and the next read. */
    readonly thinkUs?: number
  },
): void {
  const chain = options.chain ?? CHAIN
  const command: ReadCommand = { type: 'get', keys: [options.key ?? KEY] }
  const rng = cluster.rng.fork(`reads ${chain} ${options.readers}`)
  const broken = new Set<string>()
  const pick = options.pick ?? ((config) => readTarget(config, options.readers, { rng, broken }))
  const { thinkUs = 0 } = options
  const again = () => {
    if (thinkUs === 0) ask(cluster.nowUs)
    else cluster.scheduler.after(thinkUs * (0.5 + rng.fraction()), () => ask(cluster.nowUs))
  }
  const ask = (beganUs: number) => {
    const config = cluster.map.get(chain)
    const server = config === undefined ? null : pick(config)
    if (config === undefined || server === null)
      return void cluster.scheduler.after(RETRY_US, () => ask(beganUs))
    cluster.read({ server, chain, ...siteOf(options) }, command, (outcome) => {
      if (outcome.result === null) broken.add(lifeOf(config, server))
      if (outcome.result === null || outcome.result.type === 'failure')
        return void cluster.scheduler.after(RETRY_US, () => ask(beganUs))
      options.onDone({ ...outcome, tookUs: outcome.atUs - beganUs })
      again()
    })
  }
  for (let i = 0; i < options.outstanding; i++) again()
}

/** After a failure a client looks at the map again, and does not run in circles meanwhile. */
const RETRY_US = 5000

/** Clients that share a process share what they know of broken connections. */
export function readTarget(
  config: ChainConfig,
  readers: Readers,
  client: { readonly rng: Rng; readonly broken: ReadonlySet<string> },
): ServerId | null {
  if (readers === 'tail') return tailOf(config)?.server ?? null
  const serving = servingMembers(config)
  const reached =
    client.broken.size === 0
      ? serving
      : serving.filter(({ server }) => !client.broken.has(lifeOf(config, server)))
  return reached.length === 0 ? null : client.rng.pick(reached).server
}

const lifeOf = (config: ChainConfig, server: ServerId): string =>
  `${server} ${memberOf(config, server)?.incarnation}`

const siteOf = ({ site }: LoadOptions): { site?: string } => (site === undefined ? {} : { site })

export const putOf = (bytes: number, key: Key = KEY): WriteCommand => ({
  type: 'put',
  key,
  value: new Uint8Array(bytes),
  expiry: { type: 'set', atWallMs: asMillis(0) },
  condition: null,
})

/** One write; a writer that finds no head, or loses it, tries again until it is through. `done` hears how long all of that took. */
export function writeOnce(
  cluster: PaperCluster,
  options: LoadOptions & { readonly command: WriteCommand; readonly bytes: number },
): void {
  const { command, bytes, onDone } = options
  const chain = options.chain ?? CHAIN
  const beganUs = cluster.nowUs
  const attempt = () => {
    const config = cluster.map.get(chain)
    const server = config === undefined ? null : (headOf(config)?.server ?? null)
    if (server === null) return void cluster.scheduler.after(RETRY_US, attempt)
    cluster.write({ server, chain, ...siteOf(options) }, command, bytes, (outcome) => {
      if (outcome.result === null || outcome.result.type === 'failure')
        cluster.scheduler.after(RETRY_US, attempt)
      else onDone({ ...outcome, tookUs: outcome.atUs - beganUs })
    })
  }
  attempt()
}

/** So many writes are always on the way, all of one object. */
export function closedWrites(
  cluster: PaperCluster,
  options: LoadOptions & { readonly outstanding: number; readonly bytes: number },
): void {
  const command = putOf(options.bytes, options.key)
  const again = () =>
    writeOnce(cluster, {
      ...options,
      command,
      onDone: (outcome) => {
        options.onDone(outcome)
        again()
      },
    })
  for (let i = 0; i < options.outstanding; i++) again()
}

/** Writes of one object at this rate, whatever becomes of them: at random moments, or evenly. Begins now. */
export function openWrites(
  cluster: PaperCluster,
  options: LoadOptions & { readonly perSecond: number; readonly bytes: number; readonly even?: boolean },
): void {
  if (options.perSecond === 0) return
  const command = putOf(options.bytes, options.key)
  const rng = cluster.rng.fork('writes')
  const next = () => {
    const waitUs = ((options.even ? 1 : -Math.log(1 - rng.fraction())) * 1e6) / options.perSecond
    cluster.scheduler.after(waitUs, () => {
      writeOnce(cluster, { ...options, command })
      next()
    })
  }
  next()
}

/** One test-and-set at a time: each names the version that the one before has made (CRAQ §4.1). */
export function testAndSets(cluster: PaperCluster, options: LoadOptions & { readonly bytes: number }): void {
  const put = putOf(options.bytes, options.key)
  const again = (command: WriteCommand) =>
    writeOnce(cluster, {
      ...options,
      command,
      onDone: (outcome) => {
        options.onDone(outcome)
        const version = outcome.result?.type === 'written' ? outcome.result.version : null
        if (version !== null && put.type === 'put') again({ ...put, condition: { type: 'version', version } })
      },
    })
  again(put)
}
