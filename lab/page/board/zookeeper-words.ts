/** Packets of ZooKeeper's client protocol in words. */
import { decodeNotification, decodeRequest, readReply } from '../../../protocol/zookeeper/packets.ts'
import type { ParcelSight } from '../../simulator/kernel/parcel.ts'
import { valueText } from './value-text.ts'
import type { FieldView } from './view.ts'

interface Words {
  readonly kind: string
  readonly label: string
  readonly routine: boolean
}

const PING_XID = -2
const NOTIFICATION_XID = -1
const EVENTS: Readonly<Record<number, string>> = {
  1: 'created',
  2: 'deleted',
  3: 'data changed',
  4: 'children changed',
}

/** Whole packets of one body, without their lengths. */
function packetsOf(body: unknown): Uint8Array[] {
  if (!(body instanceof Uint8Array)) return []
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const packets: Uint8Array[] = []
  for (let at = 0; at + 4 <= body.length; ) {
    const length = view.getInt32(at)
    if (length < 0 || at + 4 + length > body.length) break
    packets.push(body.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return packets
}

export function zookeeperWords(parcel: ParcelSight): Words {
  const all = packetsOf(parcel.body).map((packet) => packetWords(parcel, packet))
  const shown = all.filter(({ routine }) => !routine)
  const first = shown[0] ?? all[0]
  if (first === undefined) return { kind: 'bytes', label: 'bytes', routine: false }
  return {
    kind: first.kind,
    label: (shown.length > 0 ? shown : [first]).map(({ label }) => label).join(', '),
    routine: shown.length === 0,
  }
}

function packetWords(parcel: ParcelSight, packet: Uint8Array): Words {
  try {
    return parcel.byDialler ? requestWords(packet) : replyWords(packet)
  } catch {
    return { kind: 'bytes', label: 'bytes', routine: false }
  }
}

function requestWords(packet: Uint8Array): Words {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  if (packet.length >= 8 && view.getInt32(0) === 0 && view.getInt32(4) === 0)
    return { kind: 'connect', label: 'connect', routine: false }
  const decoded = decodeRequest(packet)
  if (decoded.type !== 'request') return { kind: 'bytes', label: decoded.type, routine: false }
  const { request } = decoded
  const path = 'path' in request ? ` ${request.path}` : ''
  return { kind: request.type, label: `${request.type}${path}`, routine: request.type === 'ping' }
}

function replyWords(packet: Uint8Array): Words {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  if (view.getInt32(0) === 0) return { kind: 'connected', label: 'connected', routine: false }
  const { header, body } = readReply(packet)
  if (header.xid === PING_XID) return { kind: 'pong', label: 'pong', routine: true }
  if (header.xid === NOTIFICATION_XID) {
    const { type, path } = decodeNotification(body)
    return { kind: 'watch-event', label: `${EVENTS[type] ?? 'event'} ${path}`, routine: false }
  }
  return {
    kind: 'reply',
    label: header.err === 0 ? `zxid ${header.zxid}` : `error ${header.err}`,
    routine: false,
  }
}

export function zookeeperFields(parcel: ParcelSight): readonly FieldView[] {
  return packetsOf(parcel.body).flatMap((packet) => {
    try {
      return packetFields(parcel, packet)
    } catch {
      return [{ name: 'bytes', value: String(packet.length) }]
    }
  })
}

function packetFields(parcel: ParcelSight, packet: Uint8Array): FieldView[] {
  const said = packetWords(parcel, packet)
  if (said.kind === 'connect' || said.kind === 'connected' || said.kind === 'bytes')
    return [{ name: said.kind, value: `${packet.length} bytes` }]
  if (parcel.byDialler) {
    const decoded = decodeRequest(packet)
    return Object.entries(
      decoded.type === 'request' ? { xid: decoded.xid, ...decoded.request } : decoded,
    ).map(([name, value]) => ({ name, value: valueText(value) }))
  }
  const { header } = readReply(packet)
  return Object.entries(header).map(([name, value]) => ({ name, value: valueText(value) }))
}
