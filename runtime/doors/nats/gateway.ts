/**
 * The store for plain NATS clients in any language: subjects with JSON, as a NATS micro service, so that `nats micro ls` lists it. It is a native client of the store
 * and holds no state, so any number of gateways share the requests.
 */
import { headers, type NatsConnection, type Service, type ServiceMsg } from 'nats'
import type { Client } from '../../../client/index.ts'
import { connectNats } from '../../../client/transport/nats-connect.ts'
import { withoutSecrets } from '../../../client/transport/nats-url.ts'
import { type ErrorCode, StoreError } from '../../../protocol/errors.ts'
import { checkNodeName } from '../../../protocol/transport.ts'
import { changeJson, ENDPOINTS, parseRequest, type Reply } from './requests.ts'

export interface NatsGatewayOptions {
  readonly client: Client
  /** As `parseNatsUrl` reads it. */
  readonly url: string
  readonly cluster: string
  readonly version: string
  /** Also publishes every change. One gateway of a cluster should. */
  readonly feed: boolean
  readonly log: {
    info(facts: object, text: string): void
    warn(facts: object, text: string): void
  }
}

export interface NatsGatewayStatus {
  /** To a broker, at this moment. */
  readonly connected: boolean
  /** Requests without an answer yet. */
  readonly atWork: number
  readonly answered: number
  /** Answered by an error, of the asker's making or not. */
  readonly failed: number
}

export interface NatsGateway {
  readonly subjects: readonly string[]
  status(): NatsGatewayStatus
  close(): Promise<void>
}

/** Requests at work; more are answered OVERLOADED. */
const AT_WORK_MAX = 1024
/** As HTTP would say it: what tools show besides the message. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_ARGUMENT: 400,
  CROSS_CHAIN: 400,
  NOT_A_NUMBER: 400,
  TOO_LARGE: 413,
  POSITION_LOST: 410,
  OVERLOADED: 429,
  TIMEOUT: 504,
}
const FEED_RETRY_MS = 1_000

/**
 * Serves `catenary.<cluster>.kv.get`, `put`, `delete`, `cas`, `incr` and `changes`; with `feed` publishes on `catenary.<cluster>.kv.feed.<chain>`.
 *
 * @throws {StoreError} as `connectNats` does.
 */
export async function openNatsGateway(options: NatsGatewayOptions): Promise<NatsGateway> {
  checkNodeName('cluster', options.cluster)
  const { cluster, url, log } = options
  const connection = await connectNats({ url, name: `catenary ${cluster} gateway` })
  const service = await connection.services.add({
    name: `catenary-${cluster}`,
    version: options.version,
    description: `The key-value store ${cluster}: JSON requests, linearizable answers`,
  })
  const group = service.addGroup(`catenary.${cluster}.kv`)
  const desk = new Desk(connection, options)
  for (const [name, { describe }] of Object.entries(ENDPOINTS)) {
    group.addEndpoint(name, {
      metadata: { format: describe },
      handler: (error, message) => {
        if (error === null) void desk.onRequest(name, message)
      },
    })
  }
  const feed = options.feed ? new FeedPublisher(connection, options) : null
  await connection.flush()
  let connected = true
  void reportConnection(connection, options, (now) => {
    connected = now
  })
  return {
    subjects: Object.keys(ENDPOINTS).map((name) => `catenary.${cluster}.kv.${name}`),
    status: () => ({ connected, ...desk.counts }),
    async close() {
      feed?.close()
      await stopService(service)
      await connection.drain().catch(() => {})
      log.info({ broker: withoutSecrets(url) }, 'the gateway has stopped')
    },
  }
}

/** With the broker away there is nobody to take leave of. */
const stopService = (service: Service) => service.stop().catch(() => null)

async function reportConnection(
  connection: NatsConnection,
  { log, url }: NatsGatewayOptions,
  onChange: (connected: boolean) => void,
): Promise<void> {
  const broker = withoutSecrets(url)
  for await (const { type } of connection.status()) {
    if (type === 'disconnect' || type === 'reconnect') onChange(type === 'reconnect')
    if (type === 'disconnect') log.warn({ broker }, 'the broker was lost: connecting again')
    else if (type === 'reconnect') log.info({ broker }, 'connected to a broker again')
  }
}

/** Answers requests, so many at a time. */
class Desk {
  readonly #connection: NatsConnection
  readonly #client: Client
  readonly #log: NatsGatewayOptions['log']
  #atWork = 0
  #answered = 0
  #failed = 0

  constructor(connection: NatsConnection, { client, log }: NatsGatewayOptions) {
    this.#connection = connection
    this.#client = client
    this.#log = log
  }

  get counts() {
    return { atWork: this.#atWork, answered: this.#answered, failed: this.#failed }
  }

  async onRequest(name: string, message: ServiceMsg): Promise<void> {
    if (this.#atWork >= AT_WORK_MAX) {
      this.#failed++
      return respondError(
        message,
        new StoreError('OVERLOADED', `${AT_WORK_MAX} requests are at work; try again later`),
      )
    }
    this.#atWork++
    try {
      const reply = await ENDPOINTS[name]?.answer(this.#client, parseRequest(message.data))
      message.respond(encode(reply ?? {}, this.#connection))
      this.#answered++
    } catch (error) {
      this.#failed++
      if (error instanceof StoreError) return respondError(message, error)
      this.#log.warn({ err: error, endpoint: name }, 'a request failed in a way that nobody expected')
      message.respondError(500, 'the request failed; the log of the gateway says why')
    } finally {
      this.#atWork--
    }
  }
}

function respondError(message: ServiceMsg, { code, message: text, outcome }: StoreError): void {
  const body = Buffer.from(JSON.stringify({ error: { code, message: text, outcome } }))
  message.respondError(STATUS[code] ?? 500, `${code}: ${text}`.replace(/[\r\n]+/g, ' '), body)
}

const payloadMax = (connection: NatsConnection) => connection.info?.max_payload ?? 1024 * 1024

/** @throws {StoreError} `TOO_LARGE`: the broker would not carry it. Changes are sent without the values that are too long. */
function encode(reply: Reply, connection: NatsConnection): Uint8Array {
  const most = payloadMax(connection)
  const whole = Buffer.from(JSON.stringify(reply))
  if (whole.length <= most) return whole
  const { changes } = reply
  if (Array.isArray(changes)) {
    const shorter = Buffer.from(
      JSON.stringify({ ...reply, changes: withoutLong(changes as Reply[], most / 2) }),
    )
    if (shorter.length <= most) return shorter
  }
  throw new StoreError(
    'TOO_LARGE',
    `the answer has ${whole.length} bytes; the broker carries ${most}: raise its max_payload, or use a native client`,
  )
}

/** Leaves out the longest values until the others have no more bytes than this. */
function withoutLong(changes: readonly Reply[], bytesMax: number): Reply[] {
  const lengthOf = (change: Reply) => JSON.stringify(change).length
  const order = changes.map((change, index) => ({ index, length: lengthOf(change) }))
  order.sort((a, b) => b.length - a.length)
  let bytes = order.reduce((sum, { length }) => sum + length, 0)
  const omitted = new Set<number>()
  for (const { index, length } of order) {
    if (bytes <= bytesMax) break
    omitted.add(index)
    bytes -= length
  }
  return changes.map((change, index) => (omitted.has(index) ? withoutValue(change) : change))
}

const withoutValue = ({ value: _, valueBase64: __, ...rest }: Reply): Reply =>
  rest['deleted'] === true ? rest : { ...rest, valueOmitted: true }

/** Publishes changes as they are committed. What nobody subscribes to is gone: whoever must miss nothing asks `changes`, or lets JetStream keep them. */
class FeedPublisher {
  readonly #connection: NatsConnection
  readonly #options: NatsGatewayOptions
  #closed = false
  #watch: ReturnType<Client['watch']> | null = null

  constructor(connection: NatsConnection, options: NatsGatewayOptions) {
    this.#connection = connection
    this.#options = options
    void this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#watch = this.#options.client.watch()
        for (;;) {
          const page = await this.#watch.nextPage()
          if (page.length === 0) return
          this.#publish(page.map(changeJson))
          await this.#connection.flush() // a broker that reads slowly is waited for
        }
      } catch (error) {
        if (this.#closed) return
        this.#options.log.warn({ err: error }, 'the feed has a gap: publishing goes on from now')
        await new Promise((resolve) => setTimeout(resolve, FEED_RETRY_MS))
      }
    }
  }

  #publish(changes: readonly Reply[]): void {
    const places = new Map<string, number>()
    for (const change of changes) {
      const entry = `${change['chain']}.${change['seq']}`
      const place = places.get(entry) ?? 0
      places.set(entry, place + 1)
      const [one = change] = withoutLong([change], payloadMax(this.#connection) - 1024)
      const named = headers()
      named.set('Nats-Msg-Id', `${entry}.${place}`) // a stream of JetStream drops what it has
      const subject = `catenary.${this.#options.cluster}.kv.feed.${change['chain']}`
      this.#connection.publish(subject, Buffer.from(JSON.stringify(one)), { headers: named })
    }
  }

  close(): void {
    this.#closed = true
    this.#watch?.close()
  }
}
