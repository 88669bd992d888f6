/**
 * The chain manager's mind: `(view) -> next configurations` (DESIGN section 4). Pure: time arrives in the view. It decides who forms each
 * chain; it deliberately does not know how a configuration is written, watched or obeyed. Its proposals are written by compare-and-set, so a
 * manager with an old view, or two managers at once, can do no harm.
 */
import type { ChainConfig } from '../../protocol/chain-config.ts'
import { hasFixedMembers } from '../../protocol/cluster.ts'
import { asEpoch, type ChainId } from '../../protocol/ids.ts'
import { checkProposal } from './assertions.ts'
import { type ChainCase, type Change, nextChange } from './chain-rules.ts'
import { observe } from './memory.ts'
import { chainIds, eligibleServers, firstConfig, Load } from './placement.ts'
import { resetChain } from './reset.ts'
import {
  type ChainNote,
  type ChainView,
  compareKeys,
  isLive,
  type ManagerView,
  newPlannerState,
  type Plan,
  type PlannerState,
  type Proposal,
} from './view.ts'

/**
 * Computes at most one next configuration for each chain. Mutates `state` and nothing else. Same view and state, same plan.
 *
 * @example
 * const { proposals } = plan(view, state)
 * for (const { chain, config, expectedVersion } of proposals) await write(chain, config, expectedVersion)
 */
export function plan(view: ManagerView, state: PlannerState = newPlannerState()): Plan {
  observe(view, state)
  const draft: Draft = { proposals: [], waiting: [], refusedResets: [] }
  const load = Load.of(view)
  const wanted = chainIds(view.options.chainCount)
  const others = [...view.chains.keys()].filter((chain) => !wanted.includes(chain))
  const missing = wanted.filter((chain) => (view.chains.get(chain)?.dataVersion ?? -1) === -1)
  const readyToCreate = missing.length > 0 && hasSettled(view, state)
  for (const [i, chain] of [...wanted, ...others.sort((a, b) => compareKeys([a], [b]))].entries()) {
    const chainView = view.chains.get(chain) ?? { config: null, dataVersion: -1, reports: [], reset: null }
    if (chainView.reset) planReset(view, chain, chainView, i, draft)
    else if (chainView.config && hasFixedMembers(view.options.replication)) continue
    else if (chainView.config)
      planChange(view, state, load, { ...chainView, config: chainView.config }, draft)
    else if (chainView.dataVersion !== -1) {
      draft.waiting.push({ chain, reason: `${chain}: its znode holds no readable configuration` })
    } else planCreation(view, load, chain, i, readyToCreate, draft)
  }
  return draft
}

interface Draft {
  readonly proposals: Proposal[]
  readonly waiting: ChainNote[]
  readonly refusedResets: ChainNote[]
}

/** True once enough servers have come, or some have and no more did for a while. */
function hasSettled(view: ManagerView, state: PlannerState): boolean {
  const count = eligibleServers(view).length
  state.settlingSinceMs = count === 0 ? null : (state.settlingSinceMs ?? view.nowMs)
  if (count === 0 || state.settlingSinceMs === null) return false
  return (
    count >= view.options.replicationFactor ||
    (!hasFixedMembers(view.options.replication) &&
      view.nowMs - state.settlingSinceMs >= state.limits.settleMs)
  )
}

function planCreation(
  view: ManagerView,
  load: Load,
  chain: ChainId,
  index: number,
  ready: boolean,
  draft: Draft,
): void {
  const holders = [...view.servers.values()].filter(({ holds }) => holds[chain]).map(({ server }) => server)
  if (holders.length > 0) {
    // All members of a first configuration serve because all are empty. These are not: the coordinator has lost its tree.
    const reason = `${chain} has no configuration, but ${names(holders)} ${holders.length > 1 ? 'hold' : 'holds'} data of it; only an operator's reset may choose the seed`
    draft.waiting.push({ chain, reason })
    return
  }
  if (!ready) {
    const reason = `${chain} waits for ${view.options.replicationFactor} servers to register`
    draft.waiting.push({ chain, reason })
    return
  }
  const config = firstConfig(view, load, index)
  const reason = `${chain} is created: ${names(
    config.members.map(({ server }) => server),
    ' -> ',
  )}, head first`
  const proposal: Proposal = { chain, config, expectedVersion: -1, step: 'create', reason }
  checkProposal(view, proposal)
  draft.proposals.push(proposal)
}

function planReset(
  view: ManagerView,
  chain: ChainId,
  chainView: ChainView,
  index: number,
  draft: Draft,
): void {
  const outcome = resetChain(view, chain, chainView, index)
  if ('refused' in outcome) {
    draft.refusedResets.push({ chain, reason: outcome.refused })
    return
  }
  const { config, reason } = outcome
  const proposal: Proposal = { chain, config, expectedVersion: chainView.dataVersion, step: 'reset', reason }
  checkProposal(view, proposal)
  draft.proposals.push(proposal)
}

function planChange(
  view: ManagerView,
  state: PlannerState,
  load: Load,
  chainView: ChainView & { readonly config: ChainConfig },
  draft: Draft,
): void {
  const { config } = chainView
  const chainCase: ChainCase = {
    view,
    state,
    load,
    config,
    reports: chainView.reports,
    liveServing: config.members.filter((member) => member.serving && isLive(view, member)),
    inGrace: view.nowMs - view.electedAtMs < (state.limits.graceMs ?? view.options.sessionTimeoutMs),
    wait: (reason) => draft.waiting.push({ chain: config.chain, reason }),
  }
  const change = nextChange(chainCase)
  if (!change) return
  const proposal: Proposal = {
    chain: config.chain,
    config: applied(config, change),
    expectedVersion: chainView.dataVersion,
    step: change.step,
    reason: change.reason,
  }
  checkProposal(view, proposal)
  draft.proposals.push(proposal)
}

const applied = (config: ChainConfig, change: Change): ChainConfig => ({
  ...config,
  epoch: asEpoch(config.epoch + 1),
  members: change.members ?? config.members,
  joining: change.joining === undefined ? config.joining : change.joining,
})

const names = (ids: readonly string[], separator = ', ') => ids.join(separator)
