/** Keeps the cluster map fresh: with every redirect, by asking where that is not enough, and now and then anyway. */
import type { ClusterMap } from '../../protocol/cluster.ts'
import type { ChainId } from '../../protocol/ids.ts'
import type { ClientOutbox } from './events.ts'
import type { ClientState } from './state.ts'

/** Asks for a newer map, unless somebody is being asked already or one has just come. */
export function wantMap(state: ClientState, out: ClientOutbox): void {
  state.mapWanted = true
  askForMap(state, out)
}

export function askForMap(state: ClientState, out: ClientOutbox): void {
  const { refresh, nowMs, limits } = state
  if (refresh !== null && nowMs < refresh.giveUpAtMs) return
  if (refresh !== null) state.health.suspect(refresh.peer)
  state.refresh = null
  if (!state.mapWanted || nowMs < state.mapNotBeforeMs) return
  const peer = choosePeer(state)
  if (peer === null) return
  const call = state.nextCall++
  state.refresh = { call, peer, giveUpAtMs: nowMs + limits.tryTimeoutMs }
  out.send(peer, { type: 'map-request', call }, 0)
}

/** Any server will do, each in turn: first those that seem well, then whoever was named at the start. */
function choosePeer(state: ClientState): string | null {
  const { routing, health, bootstrap } = state
  const well = routing.servers.filter((server) => !health.isSuspect(server))
  const peers = well.length > 0 ? well : [...routing.servers, ...bootstrap]
  return peers[state.mapTurn++ % peers.length] ?? null
}

/** The one being asked cannot answer: the next one is asked. */
export function mapRequestLost(state: ClientState, out: ClientOutbox): void {
  if (state.refresh !== null) state.health.suspect(state.refresh.peer)
  state.refresh = null
  // A cluster of which no server listens must not be asked a thousand times a second.
  state.mapNotBeforeMs = Math.max(state.mapNotBeforeMs, state.nowMs + state.limits.mapPauseMs / 2)
  askForMap(state, out)
}

/** @returns chains whose configuration is newer than it was. */
export function adoptMap(state: ClientState, map: ClusterMap, out: ClientOutbox): ChainId[] {
  return state.routing.adopt(map, (server, address) => {
    if (address === null) state.health.forget(server)
    out.setAddress(server, address)
  })
}

export function mapArrived(state: ClientState, out: ClientOutbox): void {
  const { refresh, nowMs, limits } = state
  state.refresh = null
  state.mapAtMs = nowMs
  state.mapNotBeforeMs = nowMs + limits.mapPauseMs
  // A server that has just started may know no chain yet.
  state.mapWanted = !state.routing.known
  if (refresh !== null && state.routing.known && state.bootstrap.includes(refresh.peer))
    out.release(refresh.peer)
}
