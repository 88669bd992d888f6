/**
 * A small deterministic network of a student's replicas: FIFO links, crashes and new configurations, one event at a time. The seed decides the order;
 * the same seed is the same run.
 */
import { Rng } from '../simulator/kernel/rng.ts'
import { Clients, requestText } from './clients.ts'
import { type Config, type CreateReplica, Failure, type StudentReplica, studentTurn } from './contract.ts'

export interface WorldOptions {
  readonly seed: number
  readonly operations: number
  readonly lab: 1 | 2 | 3
}

interface Node {
  readonly name: string
  readonly replica: StudentReplica
  alive: boolean
  config: Config | null
  readonly configs: Config[]
}

type Event = () => void

const CLIENTS = ['c1', 'c2', 'c3']
const KEYS = ['x', 'y']
const EVENTS_MAX = 3_000

export class World {
  readonly clients = new Clients()
  /** In words, what happened. */
  readonly steps: string[] = []
  readonly #options: WorldOptions
  readonly #create: CreateReplica
  readonly #rng: Rng
  readonly #nodes = new Map<string, Node>()
  readonly #links = new Map<string, { from: string; to: string; queue: unknown[] }>()
  #config: Config = { epoch: 1, members: ['n1', 'n2', 'n3'], joining: null }
  #operationsLeft: number
  #faultsLeft: number
  #joinsLeft: number
  #sent = 0
  /** Hears of configurations later than the others: most traps of an epoch lie there. */
  readonly #sluggish: string | null

  constructor(create: CreateReplica, options: WorldOptions) {
    this.#create = create
    this.#options = options
    this.#rng = new Rng(options.seed)
    this.#operationsLeft = options.operations
    this.#sluggish = this.#rng.below(2) === 0 ? null : this.#pick(this.#config.members)
    this.#faultsLeft = options.lab === 3 ? 1 : 0
    this.#joinsLeft = options.lab === 3 ? 1 : 0
    for (const name of this.#config.members) this.#add(name)
    for (const node of this.#nodes.values()) this.#adopt(node, this.#config)
  }

  /** @throws {Failure} */
  run(): void {
    this.#untilQuiet(true)
    this.#lastWords()
    this.#checkAcknowledged(true)
  }

  #untilQuiet(busy: boolean): void {
    for (let count = 0; ; count++) {
      const events = this.#enabled(busy)
      const event = events[this.#rng.below(Math.max(1, events.length))]
      if (event === undefined) break
      if (count > EVENTS_MAX)
        throw new Failure('the network becomes quiet', `after ${EVENTS_MAX} events messages still go round`)
      event()
      this.#checkPropagation()
    }
    const [open] = this.clients.open
    if (open !== undefined)
      throw new Failure(
        'every request is answered',
        `all messages have arrived, and ${requestText(open)}, asked at ${open.at}, has no answer`,
      )
  }

  #enabled(busy: boolean): Event[] {
    const events: Event[] = []
    for (const node of this.#living())
      if (node.configs.length > 0) events.push(() => this.#deliverConfig(node))
    for (const link of this.#links.values())
      if (link.queue.length > 0) events.push(() => this.#deliver(link.from, link.to, link.queue.shift()))
    const slow = this.#living().find(({ name }) => name === this.#sluggish)
    if (slow !== undefined && slow.configs.length > 0 && (events.length === 0 || this.#rng.below(8) === 0))
      events.push(() => this.#deliverConfig(slow))
    if (!busy) return events
    for (const client of CLIENTS)
      if (this.#operationsLeft > 0 && !this.clients.isBusy(client)) events.push(() => this.#ask(client))
    if (this.#faultsLeft > 0 && this.#config.joining === null) events.push(() => this.#crash())
    if (this.#joinsLeft > 0) events.push(() => this.#join())
    return events
  }

  #ask(client: string): void {
    this.#operationsLeft--
    const isPut = this.#rng.below(2) === 0
    const key = this.#pick(KEYS)
    const { members } = this.#config
    const home = isPut ? members[0] : members.at(-1)
    const anywhere =
      this.#options.lab === 3 ? this.#rng.below(isPut ? 4 : 2) === 0 : this.#options.lab === 2 && !isPut
    this.#askAt(client, anywhere ? this.#pick(members) : (home ?? ''), key, isPut)
  }

  #askAt(client: string, at: string, key: string, isPut: boolean) {
    const request = this.clients.ask(client, at, key, isPut)
    request.lastStep = this.steps.length + 1
    this.steps.push(`${client} asks ${at}: ${requestText(request)}`)
    const { replica } = this.#node(at)
    const { put } = request
    if (put === null) studentTurn(`${at}.onGet`, () => replica.onGet(request.id, key))
    else studentTurn(`${at}.onPut`, () => replica.onPut(request.id, key, put))
    return request
  }

  #deliver(from: string, to: string, message: unknown): void {
    this.steps.push(`${from} -> ${to}: ${messageText(message)}`)
    studentTurn(`${to}.onMessage`, () => this.#node(to).replica.onMessage(from, message))
  }

  #deliverConfig(node: Node): void {
    const config = node.configs.shift()
    if (config === undefined) return
    this.steps.push(`${node.name} learns of epoch ${config.epoch}: ${membersText(config)}`)
    this.#adopt(node, config)
  }

  #adopt(node: Node, config: Config): void {
    node.config = config
    studentTurn(`${node.name}.onConfig`, () => node.replica.onConfig(structuredClone(config)))
  }

  #crash(): void {
    this.#faultsLeft--
    const victim = this.#node(this.#pick(this.#config.members))
    victim.alive = false
    const lost = this.#rng.below(2) === 0
    this.steps.push(
      `${victim.name} crashes; ${lost ? 'what it had sent is lost' : 'what it had sent still arrives'}`,
    )
    for (const link of this.#links.values())
      if (link.to === victim.name || (lost && link.from === victim.name)) link.queue.length = 0
    this.clients.lose(victim.name)
    this.#decide({ members: this.#config.members.filter((name) => name !== victim.name), joining: null })
  }

  #join(): void {
    this.#joinsLeft--
    this.#add('n4')
    this.#decide({ members: this.#config.members, joining: 'n4' })
  }

  /** The manager's word: it reaches each replica in its own time. */
  #decide(next: Omit<Config, 'epoch'>): void {
    this.#config = { epoch: this.#config.epoch + 1, ...next }
    for (const node of this.#living()) node.configs.push(this.#config)
  }

  #caughtUp(name: string, epoch: number): void {
    const { members, joining } = this.#config
    if (joining !== name || epoch !== this.#config.epoch) return // of an older epoch: void
    this.steps.push(`${name} reports that it has caught up in epoch ${epoch}`)
    this.#decide({ members: [...members, name], joining: null })
  }

  /** All is quiet: what must work now? */
  #lastWords(): void {
    const { members, joining } = this.#config
    if (joining !== null)
      throw new Failure(
        'a joiner becomes a member',
        `all is quiet, and ${joining} has not reported that it caught up`,
      )
    const [head = '', tail = ''] = [members[0], members.at(-1)]
    for (const key of KEYS) {
      const readers = this.#options.lab === 2 ? members : [tail]
      for (const at of readers) {
        const sentBefore = this.#sent
        const read = this.#askAt('last', at, key, false)
        if (this.#options.lab === 2 && (read.state !== 'answered' || this.#sent > sentBefore))
          throw new Failure(
            'a clean read is local (CRAQ §2.3)',
            `no write of ${key} is on its way, and ${at} asked others before it answered`,
          )
        this.#settle(read.state, at)
      }
    }
    this.#askAt('last', head, 'x', true)
    this.#untilQuiet(false)
    this.#askAt('last', tail, 'x', false)
    this.#untilQuiet(false)
    for (const request of this.clients.requests.slice(-2)) this.#settle(request.state, request.at)
  }

  #settle(state: string, at: string): void {
    if (state === 'refused')
      throw new Failure(
        'the chain serves again',
        `all is quiet, every replica knows its place, and ${at} refuses`,
      )
  }

  #add(name: string): void {
    const replica = studentTurn('createReplica', () =>
      this.#create(name, {
        send: (to, message) => this.#send(name, to, message),
        reply: (request, value) => {
          const answered = this.clients.answered(name, request, value ?? null)
          const { put } = answered
          answered.lastStep = this.steps.push(
            `  ${name} answers #${request}${put === null ? `: ${value ?? 'nothing'}` : ''}`,
          )
          if (put !== null && this.#options.lab !== 3) this.#checkAcknowledged(false)
        },
        refuse: (request) => {
          if (this.#options.lab !== 3)
            throw new Failure('the chain serves', `${name} refused #${request}, and it is the one to ask`)
          this.clients.refused(name, request)
          this.steps.push(`  ${name} refuses #${request}`)
        },
        caughtUp: (epoch) => this.#caughtUp(name, epoch),
      }),
    )
    this.#nodes.set(name, { name, replica, alive: true, config: null, configs: [] })
  }

  #send(from: string, to: string, message: unknown): void {
    const target = this.#nodes.get(to)
    if (target === undefined || to === from)
      throw new Failure('messages have a destination', `${from} sent to ${JSON.stringify(to)}`)
    this.#sent++
    if (!target.alive) return
    const name = `${from} ${to}`
    const link = this.#links.get(name) ?? { from, to, queue: [] }
    this.#links.set(name, link)
    link.queue.push(structuredClone(message))
  }

  /** Update Propagation (Chain Replication §3): a successor's history is a prefix of its predecessor's. */
  #checkPropagation(): void {
    const members = this.#config.members
      .map((name) => this.#node(name))
      .filter(({ alive, config }) => alive && config?.epoch === this.#config.epoch)
    for (const [i, node] of members.slice(1).entries()) {
      const above = members[i]
      if (above === undefined) continue
      const [mine, theirs] = [logOf(node), logOf(above)]
      if (mine.some((request, at) => theirs[at] !== request))
        throw new Failure(
          'Update Propagation (Chain Replication §3)',
          `${node.name} holds [${mine}], which is no prefix of what its predecessor ${above.name} holds: [${theirs}]`,
        )
    }
  }

  #checkAcknowledged(afterwards: boolean): void {
    for (const { id, put, state } of this.clients.requests) {
      if (put === null || state !== 'answered') continue
      const without = this.#config.members.find((name) => !logOf(this.#node(name)).includes(id))
      if (without !== undefined)
        throw new Failure(
          'an acknowledged write is at every member',
          `put #${id} was acknowledged, and ${without} does not hold it${afterwards ? ' even at the end' : ''}`,
        )
    }
  }

  #living = (): Node[] => [...this.#nodes.values()].filter(({ alive }) => alive)

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#rng.below(items.length)] as Item
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new Error(`no replica is named ${name}`)
    return node
  }
}

function logOf({ name, replica }: Node): readonly number[] {
  const log = studentTurn(`${name}.log`, () => replica.log())
  if (!Array.isArray(log)) throw new Failure('the code runs', `${name}.log() returned no list`)
  return log
}

const MESSAGE_MAX = 400

/** A student may send what JSON has no words for. */
function messageText(message: unknown): string {
  try {
    return String(JSON.stringify(message)).slice(0, MESSAGE_MAX)
  } catch {
    return '(a message that cannot be shown)'
  }
}

const membersText = ({ members, joining }: Config) =>
  `${members.join(' -> ')}${joining === null ? '' : `, ${joining} joins`}`
