/**
 * What things cost in the simulated cluster. Every figure says which costs made it; the two sets are here. All times are microseconds. CPU time is charged
 * to the receiver, and covers what it then sends; bytes are charged to the sender's network card, one after the other.
 */
export interface Costs {
  readonly name: string
  /** For the conditions of a figure. */
  readonly described: string
  /** CPU: a read is received, looked up and answered. */
  readonly readUs: number
  /** CPU: the head receives a write, gives it its place in the log, and answers it later. */
  readonly writeUs: number
  /** CPU: one entry from the predecessor. */
  readonly appendUs: number
  /** CPU: an ack from the successor. */
  readonly ackUs: number
  /** CPU: the tail answers one version query. */
  readonly queryUs: number
  /** CPU: whoever asked takes the answer. */
  readonly askUs: number
  /** CPU: any other message. */
  readonly messageUs: number
  /** CPU: each byte of a value, wherever one is received. */
  readonly byteUs: number
  /** One sync of the disk, however much it covers; 0: entries are in memory only. */
  readonly syncUs: number
  /** One way between two machines of one site, without the time on the card. */
  readonly latencyUs: number
  /** Latency is spread evenly by this share of itself to both sides. */
  readonly jitter: number
  /** What a network card sends. */
  readonly bytesPerUs: number
  /** Of a message, besides its values. */
  readonly headerBytes: number
  /** Events that a server handles before it sends what they caused; 1: it batches nothing. */
  readonly eventsPerTurn: number
  /**
   * `shared`: one question of a replica stands for all reads that wait for it, as our protocol has it. `each`: every read pays for a question of its own, as in
   * the paper's implementation; the protocol is the same, only the bill is longer.
   */
  readonly questions: 'shared' | 'each'
}

/**
 * CRAQ's machines on Emulab. Its two rates of chain replication's reads, 20,552/s of 500 bytes and 2,275/s of 5,000, lie on the line
 * `(60 + bytes) / 11.51` microseconds: a 100 Mbit/s card that sends 60 bytes more than the value, and not the CPU, was the limit. Its
 * 5,514 writes/s cost the head 181 us each, and its read on an idle chain takes 0.49 ms. How CPU time is split among the rest is our guess.
 */
export const emulabCosts: Costs = {
  name: 'emulab',
  described:
    'costs of the paper’s machines: a 100 Mbit/s card that sends 11.51 bytes/us and 60 bytes more than each value (both from its two rates of reads at one server), 181 us of CPU per write at the head, 0.2 ms one way',
  readUs: 45,
  writeUs: 116,
  appendUs: 116,
  ackUs: 65,
  queryUs: 15,
  askUs: 15,
  messageUs: 15,
  byteUs: 0,
  syncUs: 0,
  latencyUs: 198,
  jitter: 0.1,
  bytesPerUs: 11.512,
  headerBytes: 60.2,
  eventsPerTurn: 1,
  questions: 'shared',
}

/** What the simulations of Chain Replication (2004) assume. */
export const chainReplicationCosts: Costs = {
  name: 'chain-replication',
  described:
    'costs of the paper’s simulation: 1 ms one way, 5 ms for a query, 50 ms for an update at the head or primary; 20 ms to store its result at each other replica (our assumption, see the remarks)',
  readUs: 5000,
  writeUs: 50_000,
  appendUs: 20_000,
  ackUs: 0,
  queryUs: 0,
  askUs: 0,
  messageUs: 0,
  byteUs: 0,
  syncUs: 0,
  latencyUs: 1000,
  jitter: 0,
  bytesPerUs: 1e9,
  headerBytes: 0,
  eventsPerTurn: 1,
  questions: 'shared',
}

/** What was measured on a machine: CPU per operation, in microseconds, at one server. What is absent is guessed, and the conditions say so. */
export interface MeasuredNumbers {
  readonly readUs?: number
  readonly writeUs?: number
  readonly appendUs?: number
  readonly ackUs?: number
  readonly queryUs?: number
  readonly askUs?: number
  readonly syncUs?: number
  readonly latencyUs?: number
  readonly bytesPerUs?: number
}

/** Of a small virtual machine with a modern CPU, where every message is one of a batch. */
const GUESSED: Required<MeasuredNumbers> = {
  readUs: 8,
  writeUs: 25,
  appendUs: 10,
  ackUs: 3,
  queryUs: 4,
  askUs: 4,
  syncUs: 0,
  latencyUs: 50,
  bytesPerUs: 1250,
}

/**
 * Costs of this store on the machine on which it was measured.
 *
 * @example
 * const costs = measuredCosts({ readUs: 9.4, writeUs: 31, appendUs: 12 })
 */
export function measuredCosts(measured: MeasuredNumbers): Costs {
  const numbers = { ...GUESSED, ...measured }
  const names = Object.keys(GUESSED) as (keyof MeasuredNumbers)[]
  const list = (chosen: readonly (keyof MeasuredNumbers)[]) =>
    chosen.map((name) => `${name} ${round(numbers[name])}`).join(', ')
  const known = names.filter((name) => measured[name] !== undefined)
  const guessed = names.filter((name) => measured[name] === undefined)
  const parts = ['costs of this machine']
  if (known.length > 0) parts.push(`measured: ${list(known)}`)
  if (guessed.length > 0) parts.push(`assumed: ${list(guessed)}`)
  return {
    name: 'measured',
    described: parts.join('; '),
    ...numbers,
    messageUs: numbers.ackUs,
    byteUs: 0.0005,
    jitter: 0.1,
    headerBytes: 80,
    eventsPerTurn: 256,
    questions: 'shared',
  }
}

/** What a server spends on a read of so many bytes, on whichever of its parts is busier. */
export const readTimeUs = (costs: Costs, bytes: number): number =>
  Math.max(costs.readUs, (costs.headerBytes + bytes) / costs.bytesPerUs)

/** How many times as fast as the paper's machines these read: runs are so much shorter, and loads so much higher, that the same shares show. */
export function pace(costs: Costs): number {
  const times = readTimeUs(emulabCosts, 500) / readTimeUs(costs, 500)
  return Math.abs(times - 1) < 0.05 ? 1 : times
}

/** Everything takes so many times as long: the same shape from fewer events. */
export function slowed(costs: Costs, times: number): Costs {
  return {
    ...costs,
    readUs: costs.readUs * times,
    writeUs: costs.writeUs * times,
    appendUs: costs.appendUs * times,
    ackUs: costs.ackUs * times,
    queryUs: costs.queryUs * times,
    askUs: costs.askUs * times,
    messageUs: costs.messageUs * times,
    byteUs: costs.byteUs * times,
    syncUs: costs.syncUs * times,
    latencyUs: costs.latencyUs * times,
    bytesPerUs: costs.bytesPerUs / times,
  }
}

const round = (value: number) => Math.round(value * 100) / 100
