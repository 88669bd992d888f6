import type { Link, LinkEvents, SessionPlatform } from '../../client/coordinator/platform.ts'
import type { Change } from '../../coordinator/znodes/transaction.ts'
import { FrameSplitter } from '../../protocol/zookeeper/frames.ts'
import type { Request } from '../../protocol/zookeeper/ops.ts'
import { XIDS } from '../../protocol/zookeeper/ops.ts'
import { decodeNotification, decodeRequest, readReply } from '../../protocol/zookeeper/packets.ts'

/** What was changed in the tree, in the order of the log. */
export type CommittedChange = Pick<Change, 'type' | 'path'> & { readonly zxid: number }

type Heard =
  | { readonly type: 'event'; readonly what: string }
  | { readonly type: 'reply'; readonly request: Request | null; readonly zxid: number; readonly err: number }

interface Watch {
  readonly path: string
  readonly recursive: boolean
}

/** Writes down what a client hears, connection by connection. */
export class WatchTranscript {
  readonly connections: Heard[][] = []

  over(platform: SessionPlatform): SessionPlatform {
    return {
      timers: platform.timers,
      random: () => platform.random(),
      onBug: platform.onBug,
      dial: (address, events) => this.#listen((inner) => platform.dial(address, inner), events),
    }
  }

  #listen(dial: (events: LinkEvents) => Link, events: LinkEvents): Link {
    const heard: Heard[] = []
    this.connections.push(heard)
    const asked = new Map<number, Request>()
    const [out, inward] = [new FrameSplitter(), new FrameSplitter()]
    let first = { out: true, inward: true }
    const link = dial({
      onConnect: () => events.onConnect(),
      onClose: (reason) => events.onClose(reason),
      onData: (chunk) => {
        for (const packet of inward.push(chunk)) {
          if (!first.inward) heard.push(read(packet, asked))
          first = { ...first, inward: false }
        }
        events.onData(chunk)
      },
    })
    return {
      write: (bytes) => {
        for (const packet of out.push(bytes)) {
          const decoded = first.out ? null : decodeRequest(packet)
          if (decoded?.type === 'request') asked.set(decoded.xid, decoded.request)
          first = { ...first, out: false }
        }
        link.write(bytes)
      },
      destroy: () => link.destroy(),
    }
  }
}

function read(packet: Uint8Array, asked: ReadonlyMap<number, Request>): Heard {
  const { header, body } = readReply(packet)
  if (header.xid === XIDS.notification) {
    const { type, path } = decodeNotification(body)
    return { type: 'event', what: `${type} ${path}` }
  }
  return { type: 'reply', request: asked.get(header.xid) ?? null, zxid: header.zxid, err: header.err }
}

/**
 * By each reply, exactly the changes up to its zxid that a watch of the connection covers have been told, each once and in their order.
 *
 * @returns how many events were judged.
 * @throws one is missing, too many, too early or out of order.
 */
export function judgeTranscript(
  connections: readonly (readonly Heard[])[],
  changes: readonly CommittedChange[],
): number {
  let judged = 0
  for (const connection of connections) {
    let watches: Watch[] = []
    let seen = 0
    let told: string[] = []
    for (const heard of connection) {
      if (heard.type === 'event') {
        if (watches.length > 0) told.push(heard.what)
        continue
      }
      const { zxid, request, err } = heard
      if (zxid <= 0) continue
      const due = changes
        .filter((change) => change.zxid > seen && change.zxid <= zxid)
        .flatMap((change) => eventsOf(change, watches))
      if (due.join() !== told.join())
        throw new Error(`up to ${zxid}, after ${seen}: told "${told.join()}", due "${due.join()}"`)
      judged += due.length
      told = []
      seen = zxid
      if (request !== null && err === 0) watches = [...watches, ...added(request)]
    }
  }
  return judged
}

function added(request: Request): Watch[] {
  if (request.type === 'addWatch') return [{ path: request.path, recursive: request.mode === 1 }]
  if (request.type !== 'setWatches2') return []
  return [
    ...request.persistent.map((path) => ({ path, recursive: false })),
    ...request.persistentRecursive.map((path) => ({ path, recursive: true })),
  ]
}

const NUMBERS = { created: 1, deleted: 2, 'data-changed': 3 } as const

function eventsOf({ type, path }: CommittedChange, watches: readonly Watch[]): string[] {
  const parent = path.slice(0, path.lastIndexOf('/')) || '/'
  const covers = (watch: Watch) =>
    watch.path === path || (watch.recursive && path.startsWith(watch.path === '/' ? '/' : `${watch.path}/`))
  const events = watches.some(covers) ? [`${NUMBERS[type]} ${path}`] : []
  const tellsChildren = watches.some((watch) => !watch.recursive && watch.path === parent)
  return type !== 'data-changed' && tellsChildren ? [...events, `4 ${parent}`] : events
}
