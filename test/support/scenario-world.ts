import type { LogRecord, ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { durableOf } from '../../chain/state.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { type ChainConfig, memberOf } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type {
  Condition,
  Consistency,
  Expiry,
  Failure,
  Mutation,
  ReadResult,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import type { Entry, Position } from '../../protocol/entry.ts'
import {
  asEpoch,
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asServerId,
  asSessionId,
  type RequestId,
} from '../../protocol/ids.ts'
import { type ChainServer, ChainWorld, type Effect } from './chain-world.ts'

/** Fate at its worst: whatever may be lost is lost. */
class Fate extends Rng {
  override fraction(): number {
    return 0.999_999
  }
  override below(): number {
    return 0
  }
  override chance(): boolean {
    return false
  }
}

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0))
const text = (value: Uint8Array) => String.fromCharCode(...value)

/**
 * One chain whose every event is a command, and whose every effect is a line. Nothing moves by itself: messages wait until `deliver`,
 * syncs until `sync`, time until `tick` or `wait`.
 */
export class ScenarioWorld {
  #world: ChainWorld | null = null
  #lines: string[] = []
  #quiet = false
  readonly #names = new Map<RequestId, string>()

  /** Runs one command and returns what the replicas did. */
  run(command: string): string {
    this.#lines = []
    const [verb = '', ...words] = command.trim().split(/\s+/)
    this.#execute(verb, words)
    return this.#lines.join('\n')
  }

  get #running(): ChainWorld {
    if (this.#world === null) throw new Error('a scenario begins with: cluster n1 n2 ...')
    return this.#world
  }

  #server(name: string | undefined): ChainServer {
    return this.#running.server(asServerId(name ?? ''))
  }

  #named(words: readonly string[]): ChainServer[] {
    return words.length === 0 ? [...this.#running.servers] : words.map((word) => this.#server(word))
  }

  #execute(verb: string, words: string[]): void {
    const [first] = words
    switch (verb) {
      case 'cluster':
        return this.#cluster(words)
      case 'write':
        return this.#turn(first, this.#write(words.slice(1)))
      case 'read':
      case 'scan':
        return this.#turn(first, this.#read(verb, words.slice(1)))
      case 'deliver':
        return this.#deliver(words)
      case 'break':
        return this.#running.breakLink(this.#server(first), this.#server(words[1]))
      case 'sync':
        for (const server of this.#named(words)) {
          if (server.log.unsynced > 0) this.#running.sync(server)
          while (server.synced.length > 0) this.#running.tellSynced(server)
        }
        return
      case 'sync-unheard':
        return this.#running.sync(this.#server(first))
      case 'hear':
        return this.#running.tellSynced(this.#server(first))
      case 'flush-store':
        return this.#running.flushStore(this.#server(first))
      case 'config':
        return this.#config(words)
      case 'tell':
        for (const server of this.#named(words)) this.#running.tellConfig(server)
        return
      case 'tick':
        this.#running.nowMs += Number(first)
        for (const server of this.#named(words.slice(1))) this.#running.turn(server, [{ type: 'tick' }])
        return
      case 'wait':
        this.#running.nowMs += Number(first)
        return
      case 'crash':
        return this.#running.crash(this.#server(first))
      case 'start':
        return this.#running.start(this.#server(first))
      case 'lapse':
        return this.#running.lapseLease(this.#server(first))
      case 'renew':
        return this.#running.renewLease(this.#server(first))
      case 'expire-session':
        return this.#running.expireSession(this.#server(first))
      case 'session-lost':
        return this.#running.tellSessionLost(this.#server(first))
      case 'new-session':
        return this.#running.openSession(this.#server(first))
      case 'lease-until': {
        const server = this.#server(first)
        const untilMs = asMillis(this.#running.nowMs + server.clockOffset + Number(words[1]))
        return this.#turn(first, { type: 'lease', untilMs })
      }
      case 'disk-fails':
        return this.#turn(first, { type: 'storage-failed', reason: 'no space left' })
      case 'settle':
        return this.#settle()
      case 'show':
        for (const server of this.#named(words)) this.#lines.push(showServer(server))
        return
      default:
        throw new Error(`unknown command: ${verb}`)
    }
  }

  #turn(name: string | undefined, event: ReplicaEvent): void {
    this.#running.turn(this.#server(name), [event])
  }

  /** `cluster n1 n2 + n3 limit=value`: n1 and n2 are the first members, all have heard so, and nothing is on the way. */
  #cluster(words: readonly string[]): void {
    const limits = Object.fromEntries(
      words
        .filter((word) => word.includes('='))
        .map((word) => word.split('='))
        .map(([k, v]) => [k, Number(v)]),
    ) as Partial<ChainLimits>
    const names = words.filter((word) => !word.includes('='))
    const members = names.includes('+') ? names.indexOf('+') : names.length
    const servers = names.filter((name) => name !== '+').length
    const world = new ChainWorld({ seed: 0, servers, members, limits, rng: new Fate(0) })
    world.onEffect = (server, effect) => this.#onEffect(server, effect)
    this.#world = world
    this.#quiet = true
    for (const server of world.servers) world.tellConfig(server)
    this.#settle()
    this.#lines = []
  }

  #deliver([from, to, count]: readonly string[]): void {
    const [source, target] = [this.#server(from), this.#server(to)]
    const link = { from: source, to: target, messages: this.#running.link(source, target) }
    const events = this.#running.take(link, count === undefined ? link.messages.length : Number(count))
    if (events.length === 0) this.#lines.push(`nothing is on the way from ${from} to ${to}`)
    else this.#running.turn(target, events)
  }

  /** `config n1 n2* n3- joining n4`: `*` does not serve yet, `-` is leaving. Nobody hears of it before `tell`. */
  #config(words: readonly string[]): void {
    const world = this.#running
    const at = words.indexOf('joining')
    const names = at < 0 ? words : words.slice(0, at)
    const incarnationOf = (name: string) => this.#server(name).incarnation
    const members = names.map((word) => {
      const name = word.replace(/[*-]$/, '')
      const server = asServerId(name)
      return {
        server,
        incarnation: incarnationOf(name),
        serving: !word.endsWith('*'),
        leaving: word.endsWith('-'),
      }
    })
    const joiner = at < 0 ? undefined : words[at + 1]
    const joining =
      joiner === undefined ? null : { server: asServerId(joiner), incarnation: incarnationOf(joiner) }
    const next: ChainConfig = { ...world.config, epoch: asEpoch(world.config.epoch + 1), members, joining }
    world.publish(next)
  }

  /** Everything is delivered and synced until nothing moves; only answers and reports are shown. */
  #settle(): void {
    const world = this.#running
    this.#quiet = true
    for (let round = 0; round < 100; round++) {
      const busy = world.busyLinks()
      const unsynced = world.servers.filter(
        ({ up, log, synced, flushes }) => up && log.unsynced + synced.length + flushes > 0,
      )
      if (busy.length === 0 && unsynced.length === 0) break
      for (const link of busy) world.turn(link.to, world.take(link, link.messages.length))
      for (const server of unsynced) {
        if (server.log.unsynced > 0) world.sync(server)
        while (server.synced.length > 0) world.tellSynced(server)
        if (server.flushes > 0) world.flushStore(server)
      }
    }
    this.#quiet = false
  }

  #request(words: string[]): RequestId {
    const at = words.indexOf('as')
    const request = this.#running.nextRequest()
    this.#names.set(request, at < 0 ? `request-${request}` : (words[at + 1] ?? ''))
    if (at >= 0) words.splice(at, 2)
    return request
  }

  /** `put a 1 if-absent as r1 from 1/3/2`: session 1, its third request, all below 2 answered. */
  #write(given: readonly string[]): ReplicaEvent {
    const words = [...given]
    const request = this.#request(words)
    const at = words.indexOf('from')
    const [session = 0, number = 0, below = 1] = at < 0 ? [] : (words[at + 1] ?? '').split('/').map(Number)
    if (at >= 0) words.splice(at, 2)
    const identity =
      at < 0
        ? null
        : {
            session: asSessionId(session),
            requestNumber: asRequestNumber(number),
            answeredBelow: asRequestNumber(below),
          }
    return { type: 'write', request, identity, command: this.#command(words) }
  }

  #command([name, first = '', second = '', ...more]: readonly string[]): WriteCommand {
    const key = asKey(first)
    const value = bytes(second)
    switch (name) {
      case 'put':
        return { type: 'put', key, value, expiry: this.#expiry(more), condition: conditionOf(more) }
      case 'delete':
        return { type: 'delete', key, condition: conditionOf([second, ...more]) }
      case 'append':
      case 'prepend':
        return { type: name, key, value }
      case 'increment':
        return { type: 'increment', key, by: Number(second) }
      case 'get-and-set':
        return { type: 'get-and-set', key, value: second === '-' ? null : value, expiry: this.#expiry(more) }
      case 'expire':
        return { type: 'expire', key, atWallMs: this.#wall(Number(second)) }
      case 'open-session':
        return { type: 'open-session' }
      case 'transaction':
        return this.#transaction([first, second, ...more])
      default:
        throw new Error(`unknown write: ${name}`)
    }
  }

  /** `compare a=absent read a b write a=1 b=-` */
  #transaction(words: readonly string[]): WriteCommand {
    const parts = { compare: [] as string[], read: [] as string[], write: [] as string[] }
    let part: string[] = []
    for (const word of words) {
      if (word === 'compare' || word === 'read' || word === 'write') part = parts[word]
      else if (word !== '') part.push(word)
    }
    const pair = (word: string) =>
      [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const
    return {
      type: 'transaction',
      compares: parts.compare.map((word) => {
        const [key, condition] = pair(word)
        return { key: asKey(key), condition: conditionOf([`if-${condition}`]) ?? { type: 'present' } }
      }),
      reads: parts.read.map(asKey),
      writes: parts.write.map((word): Mutation => {
        const [key, value] = pair(word)
        return value === '-'
          ? { type: 'delete', key: asKey(key) }
          : { type: 'put', key: asKey(key), value: bytes(value), expiry: this.#expiry([]) }
      }),
    }
  }

  #wall(afterMs: number) {
    return asMillis(1_000_000 + this.#running.nowMs + afterMs)
  }

  #expiry(words: readonly string[]): Expiry {
    const ttl = words.find((word) => word.startsWith('ttl='))
    if (words.includes('keep-ttl')) return { type: 'keep' }
    return { type: 'set', atWallMs: ttl === undefined ? asMillis(0) : this.#wall(Number(ttl.slice(4))) }
  }

  /** `a b eventual at-least=3 as r1`; `scan p* after=p1 limit=2`. */
  #read(verb: 'read' | 'scan', given: readonly string[]): ReplicaEvent {
    const words = [...given]
    const request = this.#request(words)
    const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
    const keys = words.filter((word) => !word.includes('=') && word !== 'eventual').map(asKey)
    const [age, versions, after] = [value('age'), value('versions'), value('after')]
    let consistency: Consistency = { type: 'strong' }
    if (words.includes('eventual')) consistency = { type: 'eventual' }
    if (age !== undefined) consistency = { type: 'bounded-age', maxAgeMs: asMillis(Number(age)) }
    if (versions !== undefined) consistency = { type: 'bounded-versions', maxVersions: Number(versions) }
    const options = { consistency, atLeast: asSeq(Number(value('at-least') ?? 0)) }
    if (verb === 'read') return { type: 'read', request, command: { type: 'get', keys }, options }
    const prefix = asKey((keys[0] ?? '').replace('*', ''))
    const limit = Number(value('limit') ?? 10)
    const command = { type: 'scan', prefix, after: after === undefined ? null : asKey(after), limit } as const
    return { type: 'read', request, command, options }
  }

  #onEffect(server: ChainServer, effect: Effect): void {
    const line = this.#describe(effect)
    if (!this.#quiet || effect.type === 'reply' || effect.type === 'report')
      this.#lines.push(`${server.id} ${line}`)
  }

  #describe(effect: Effect): string {
    switch (effect.type) {
      case 'persist':
        return `persist ${describeRecord(effect.record)}`
      case 'send':
        return `-> ${effect.to} ${describeMessage(effect.message)}`
      case 'reply':
        return `answers ${this.#names.get(effect.request)} ${describeResult(effect.result)}`
      case 'report':
        return `reports ${effect.report.state} epoch=${effect.report.epoch}${effect.report.suspects === null ? '' : ` suspects=${effect.report.suspects}`}`
      case 'flush-store':
        return 'flush-store'
    }
  }
}

function conditionOf(words: readonly string[]): Condition | null {
  for (const word of words) {
    if (word === 'if-absent') return { type: 'absent' }
    if (word === 'if-present') return { type: 'present' }
    if (word.startsWith('if-version=')) return { type: 'version', version: asSeq(Number(word.slice(11))) }
    if (word.startsWith('if-value=')) return { type: 'value', value: bytes(word.slice(9)) }
  }
  return null
}

const showPosition = ({ epoch, seq }: Position) => `${epoch}/${seq}`
const showVersion = (value: Versioned | null) =>
  value === null ? 'none' : `${text(value.value)}@${value.version}`

function showEntry({ epoch, seq, writes, origin, sessions }: Entry): string {
  const parts = writes.map(({ key, value }) => `${key}=${value === null ? '-' : text(value)}`)
  if (origin !== null) parts.push(`from=${origin.session}/${origin.requestNumber}`)
  if (sessions?.opens) parts.push('opens')
  if (sessions?.lapses !== undefined) parts.push(`lapses=${sessions.lapses.join(',')}`)
  return `${epoch}/${seq}{${parts.join(' ')}}`
}

function describeRecord(record: LogRecord): string {
  switch (record.type) {
    case 'entry':
      return `entry ${showEntry(record.entry)}`
    case 'truncate':
    case 'reset':
      return `${record.type} to=${showPosition(record.to)}`
    case 'commit':
      return `commit ${showPosition(record.position)}`
    case 'member':
      return `member epoch=${record.epoch}`
    case 'other':
      return `other to=${showPosition(record.to)}`
  }
}

function describeMessage(message: ChainMessage): string {
  const { type, epoch } = message
  const head = `${type} epoch=${epoch}`
  switch (message.type) {
    case 'link-request':
      return `${head} attempt=${message.attempt} last=${showPosition(message.last)} commit=${showPosition(message.commit)}${message.transfer === 0 ? '' : ` transfer=${message.transfer}`}`
    case 'link-accept':
      return `${head} attempt=${message.attempt} from=${showPosition(message.from)} last=${message.last}${message.transfer === 0 ? '' : ` transfer=${message.transfer}`}`
    case 'append':
      return `${head} previous=${showPosition(message.previous)} [${message.entries.map(showEntry).join(' ')}] upstreamDurable=${message.upstreamDurable} commit=${message.commit}`
    case 'ack':
      return `${head} commit=${message.commit} received=${message.received}`
    case 'snapshot-page':
      return `${head} page=${message.page} [${message.items.map((item) => `${item.key}=${showVersion(item)}`).join(' ')}] sessions=[${message.sessions.map(({ session }) => session).join(' ')}]${message.done ? ` done upTo=${message.upTo}` : ''}`
    case 'snapshot-ack':
      return `${head} page=${message.page}`
    case 'version-query':
      return `${head} query=${message.query}`
    case 'version-reply':
    case 'barrier-reply':
      return `${head} query=${message.query} commit=${message.commit === null ? 'no' : message.commit}`
    case 'barrier':
      return `${head} query=${message.query} origin=${message.origin}`
    case 'config':
    case 'config-request':
    case 'other':
      return head
  }
}

function describeResult(result: WriteResult | ReadResult | Failure): string {
  switch (result.type) {
    case 'written':
      return `written version=${result.version}${result.number === null ? '' : ` number=${result.number}`}`
    case 'unmatched':
      return `unmatched current=${showVersion(result.current)}`
    case 'refused':
    case 'failure':
      return `${result.code}: ${result.message}`
    case 'read-back':
      return `${result.applied ? 'applied' : 'not applied'} reads=[${result.reads.map(showVersion).join(' ')}]`
    case 'values':
      return `[${result.values.map(showVersion).join(' ')}] at=${result.at}${result.committed ? '' : ' uncommitted'}`
    case 'page':
      return `[${result.keys.map((key, i) => `${key}=${showVersion(result.values[i] ?? null)}`).join(' ')}]${result.more ? ' and more' : ''} at=${result.at}${result.committed ? '' : ' uncommitted'}`
  }
}

function showServer({ id, replica }: ChainServer): string {
  if (replica === null) return `${id} is down`
  const { config, log, serving } = replica
  const member = config === null ? null : memberOf(config, id)
  const role =
    member?.incarnation === replica.incarnation
      ? 'member'
      : config?.joining?.server === id
        ? 'joiner'
        : 'stranger'
  return `${id} ${role} epoch=${config?.epoch ?? 0}${serving ? ' serving' : ''} last=${showPosition(log.lastPosition)} durable=${durableOf(replica)} commit=${log.commit.seq} keys=${replica.store.keyCount}`
}
