/** etcd: one connection to each member, operations round robin over them, as etcd's own benchmark spreads its clients. */
import type { OpenOptions } from '../open-target.ts'
import { Connection } from '../peers/connection.ts'
import { EtcdSpeaker } from '../peers/etcd-speaker.ts'
import { openPeerTarget, type PeerTarget, roundRobin } from '../peers/peer-target.ts'
import type { TargetSpec } from '../target.ts'

const NO_RETRIES = { retries: false }

export async function openTarget(spec: TargetSpec, options: OpenOptions = NO_RETRIES): Promise<PeerTarget> {
  if (spec.kind !== 'etcd') throw new Error(`not an etcd target: ${spec.kind}`)
  const serializable = spec.reads === 'serializable'
  const connections = spec.endpoints.map(
    (authority) =>
      new Connection(authority, options, (wire) => new EtcdSpeaker(wire, { authority, serializable })),
  )
  return openPeerTarget({ connections, choose: roundRobin(connections) })
}
