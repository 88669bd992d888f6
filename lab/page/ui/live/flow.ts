/** What travels on the links of a real chain: nobody sees single messages there, but two looks tell how many there were. Pure. */
import type { LiveChain, LiveReplica, LiveServer, LiveSnapshot } from '../../serve/snapshot.ts'

export interface LinkFlow {
  readonly from: string
  readonly to: string
  /** Entries that the successor has got, a second, and that the predecessor has learnt to be committed. Null: one of them did not answer. */
  readonly entriesPerSecond: number | null
  readonly acksPerSecond: number | null
  /** From sending an entry until it is known to have arrived. */
  readonly hopMs: number | null
  /** Entries that the successor is not known to have. */
  readonly lag: number | null
}

/** @param before - an earlier look at the same cluster; null: there is none yet. */
export function flowsOf(
  before: LiveSnapshot | null,
  now: LiveSnapshot,
  chain: LiveChain,
): readonly LinkFlow[] {
  const names = chain.members.map(({ server }) => server)
  return names.slice(1).map((to, i) => {
    const from = names[i] ?? to
    const successor = replicaOf(now, from, chain)?.successor ?? null
    const isLinked = successor !== null && successor.server === to
    return {
      from,
      to,
      entriesPerSecond: growth(before, now, { server: to, chain }, ({ last }) => last),
      acksPerSecond: growth(before, now, { server: from, chain }, ({ commit }) => commit),
      hopMs: isLinked ? successor.hopMs : null,
      lag: isLinked ? successor.lag : null,
    }
  })
}

/** How much a number of a replica grows in a second. Null: it is another life's, or one of the looks lacks it. */
export function growth(
  before: LiveSnapshot | null,
  now: LiveSnapshot,
  { server, chain }: { readonly server: string; readonly chain: LiveChain },
  numberOf: (replica: LiveReplica) => number,
): number | null {
  if (before === null || now.atMs <= before.atMs) return null
  const [old, young] = [serverOf(before, server), serverOf(now, server)]
  const [was, is] = [replicaOf(before, server, chain), replicaOf(now, server, chain)]
  if (was === null || is === null || old?.incarnation !== young?.incarnation) return null
  const grown = numberOf(is) - numberOf(was)
  return grown < 0 ? null : (grown * 1000) / (now.atMs - before.atMs)
}

const serverOf = ({ servers }: LiveSnapshot, name: string): LiveServer | null =>
  servers.find((server) => server.name === name) ?? null

export const replicaOf = (snapshot: LiveSnapshot, server: string, { chain }: LiveChain): LiveReplica | null =>
  serverOf(snapshot, server)?.replicas.find((replica) => replica.chain === chain) ?? null
