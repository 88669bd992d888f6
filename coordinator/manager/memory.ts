import type { ChainConfig } from '../../protocol/chain-config.ts'
import { asMillis, type ServerId } from '../../protocol/ids.ts'
import {
  type ChainView,
  compareKeys,
  isDraining,
  isLive,
  type ManagerView,
  type PlannerState,
  validReport,
} from './view.ts'

/**
 * Learns from what is there, not from what was proposed: a proposal may lose its compare-and-set, and a new manager
 * finds the traces of the old one's decisions.
 */
export function observe(view: ManagerView, state: PlannerState): void {
  const live = new Set<string>()
  for (const chainView of view.chains.values()) {
    if (!chainView.config) continue
    observeFailures(view, state, chainView.config, chainView)
    for (const key of suspicionKeys(view, chainView.config, chainView)) live.add(key)
  }
  for (const key of live) if (!state.suspicions.has(key)) state.suspicions.set(key, view.nowMs)
  for (const key of state.suspicions.keys()) if (!live.has(key)) state.suspicions.delete(key)
  for (const [key, { untilMs }] of state.backoffs) if (untilMs <= view.nowMs) state.backoffs.delete(key)
}

function observeFailures(
  view: ManagerView,
  state: PlannerState,
  config: ChainConfig,
  { reports }: ChainView,
): void {
  const { rejoinBackoffMs, demotedBackoffMs } = state.limits
  const rejoinMs = asMillis(view.nowMs + rejoinBackoffMs)
  const newcomers = [
    ...config.members.filter(({ serving }) => !serving),
    ...(config.joining ? [config.joining] : []),
  ]
  for (const who of newcomers) {
    if (validReport(reports, config, who)?.state !== 'failed') continue
    state.backoffs.set(`${config.chain}/${who.server}`, { untilMs: rejoinMs, whileAloneMs: rejoinMs })
  }
  for (const { server, leaving } of config.members) {
    if (!leaving || isDraining(view, server)) continue
    state.backoffs.set(`${config.chain}/${server}`, {
      untilMs: asMillis(view.nowMs + demotedBackoffMs),
      whileAloneMs: rejoinMs,
    })
    state.demotions.set(config.chain, view.nowMs)
  }
}

function suspicionKeys(view: ManagerView, config: ChainConfig, { reports }: ChainView): string[] {
  const keys: string[] = []
  for (const member of config.members) {
    const suspect = isLive(view, member) ? validReport(reports, config, member)?.suspects : null
    const known =
      config.members.some(({ server }) => server === suspect) || config.joining?.server === suspect
    if (suspect && known && suspect !== member.server)
      keys.push(`${config.chain}/${member.server}/${suspect}`)
  }
  return keys
}

export interface Suspicion {
  readonly by: ServerId
  readonly suspect: ServerId
}

/**
 * Whom to demote for suspicions that have lasted, the most probable first. Of two that accuse each other it is the successor: a link has failed,
 * one of the two must go, and a chain loses least by its end.
 */
export function ripeSuspicions(view: ManagerView, state: PlannerState, config: ChainConfig): Suspicion[] {
  const order = [
    ...config.members.map(({ server }) => server),
    ...(config.joining ? [config.joining.server] : []),
  ]
  const sinceOf = (by: ServerId, suspect: ServerId) =>
    state.suspicions.get(`${config.chain}/${by}/${suspect}`)
  const ripe: (Suspicion & { readonly since: number })[] = []
  for (const by of order) {
    for (const suspect of order) {
      const since = sinceOf(by, suspect)
      if (since === undefined || view.nowMs - since < state.limits.suspicionMs) continue
      const mutual = sinceOf(suspect, by) !== undefined
      if (!mutual || order.indexOf(suspect) > order.indexOf(by)) ripe.push({ by, suspect, since })
    }
  }
  return ripe.sort((a, b) =>
    compareKeys([a.since, -order.indexOf(a.suspect)], [b.since, -order.indexOf(b.suspect)]),
  )
}
