import type { Rng } from '../../coordinator/raft/events.ts'
import type { ChainId } from '../../protocol/ids.ts'
import type { MakeHost } from '../../runtime/server/replica-host.ts'
import { QuorumHost } from './quorum-host.ts'

/**
 * The members of quorums in one data server.
 *
 * @param options.lease - strong reads at the leader rest on its lease instead of on a round of messages.
 * @param options.rng - dice of each member, for its election timeouts.
 *
 * @example
 * new DataServer({ ...options, makeHost: makeQuorumHosts({ lease: false, rng: () => ({ next: Math.random }) }) }, ports)
 */
export const makeQuorumHosts =
  (options: { readonly lease: boolean; readonly rng: (chain: ChainId) => Rng }): MakeHost =>
  (host) =>
    new QuorumHost({ ...host, lease: options.lease, rng: options.rng(host.chain) })
