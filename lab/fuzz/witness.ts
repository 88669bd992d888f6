/** A well-behaved client among hostile ones: whatever they do, its requests are answered, in order and rightly. */
import { type Request, XIDS } from '../../protocol/zookeeper/ops.ts'
import {
  decodeConnectResponse,
  decodeNotification,
  decodeResponse,
  encodeConnectRequest,
  encodeRequest,
  readReply,
} from '../../protocol/zookeeper/packets.ts'
import type { FuzzSocket } from './fuzz-socket.ts'

const PATH = '/witness'
const ACL = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const TIMEOUT_MS = 10_000

/** Other clients have harmed this one. */
export class WitnessError extends Error {}

export class Witness {
  readonly #socket: FuzzSocket
  #xid = 0
  #version = 0
  #zxid = 0
  #connected = false
  /** What must come next, each said in a few words. */
  #due: string[] = []

  constructor(socket: FuzzSocket) {
    this.#socket = socket
    socket.say(
      encodeConnectRequest({
        protocolVersion: 0,
        lastZxidSeen: 0,
        timeoutMs: TIMEOUT_MS,
        sessionId: 0n,
        password: new Uint8Array(16),
        readOnly: false,
      }),
    )
    this.#ask({ type: 'create', path: PATH, data: null, acl: ACL, flags: 0 }, 'create')
  }

  /** A watch, then a change that fires it: the event comes between the two replies. */
  ask(): void {
    this.#ask({ type: 'getData', path: PATH, watch: true }, `getData ${this.#version}`)
    this.#due.push('event')
    this.#version += 1
    const data = new TextEncoder().encode(String(this.#version))
    this.#ask({ type: 'setData', path: PATH, data, version: this.#version - 1 }, `setData ${this.#version}`)
  }

  #ask(request: Request, due: string): void {
    this.#xid += 1
    this.#due.push(`${this.#xid} ${due}`)
    this.#socket.say(encodeRequest(this.#xid, request))
  }

  /** @throws {WitnessError} something is missing, wrong or out of turn. */
  look(): void {
    for (const packet of this.#socket.packets.splice(0)) this.#check(packet)
  }

  /** @throws {WitnessError} as `look`; and something that should have come has not. */
  lookAll(): void {
    this.look()
    if (this.#socket.closed) throw new WitnessError('its connection was closed')
    if (this.#due.length > 0) throw new WitnessError(`never came: ${this.#due[0]}, of ${this.#due.length}`)
  }

  #check(packet: Uint8Array): void {
    if (!this.#connected) {
      this.#connected = true
      if (decodeConnectResponse(packet).timeoutMs !== TIMEOUT_MS) throw new WitnessError('got no session')
      return
    }
    const due = this.#due.shift()
    const came = this.#describe(packet)
    if (came !== due) throw new WitnessError(`got "${came}", not "${due}"`)
  }

  #describe(packet: Uint8Array): string {
    const { header, body } = readReply(packet)
    if (header.xid === XIDS.notification) {
      const { type, path } = decodeNotification(body)
      return type === 3 && path === PATH ? 'event' : `event ${type} ${path}`
    }
    if (header.zxid < this.#zxid) throw new WitnessError(`zxid ${header.zxid} after ${this.#zxid}`)
    this.#zxid = header.zxid
    if (header.err !== 0) return `${header.xid} error ${header.err}`
    return `${header.xid} ${describeBody(header.xid, body)}`
  }
}

/** By the witness's own numbering: first the create, then reads and writes in turn. */
function describeBody(xid: number, body: ReturnType<typeof readReply>['body']): string {
  if (xid === 1) return 'create'
  const type = xid % 2 === 0 ? 'getData' : 'setData'
  return `${type} ${decodeResponse(type, body).stat.version}`
}
