import { type ChainConfig, type Member, servingMembers } from '../../protocol/chain-config.ts'
import { invariant } from '../../protocol/invariants.ts'
import { isLive, type ManagerView, type Proposal, validReport } from './view.ts'

/**
 * Checks a proposal against the rules once more, from the outside: from the two configurations and the view, not from how the planner
 * came to it. A proposal that fails is our bug and must never be written.
 */
export function checkProposal(view: ManagerView, proposal: Proposal): void {
  const chain = view.chains.get(proposal.chain)
  const before = chain?.config ?? null
  const after = proposal.config
  const seeds = proposal.step === 'create' || proposal.step === 'reset'
  invariant('ServingNeverEmpty', servingMembers(after).length > 0, () => story(proposal))
  const stays = servingMembers(after).some(({ leaving }) => !leaving)
  invariant('ServingNeverEmpty', stays, () => `all who serve were asked to leave: ${story(proposal)}`)
  invariant('EpochFence', seeds || after.epoch === (before?.epoch ?? 0) + 1, () => story(proposal))
  if (!before || seeds) {
    checkSeed(view, proposal, before)
    return
  }
  const reports = chain?.reports ?? []
  for (const member of after.members) {
    const was = sameLife(before, member)
    if (!member.serving || was?.serving) continue
    const handedOff = was !== null && validReport(reports, before, member)?.state === 'serving'
    invariant('HandoffBeforeServing', handedOff || isReturn(view, before, member), () => story(proposal))
  }
  checkDropped(view, proposal, before)
}

/** The order never changes, and whoever is dropped is dead or has stopped answering. */
function checkDropped(view: ManagerView, proposal: Proposal, before: ChainConfig): void {
  const after = proposal.config
  const reports = view.chains.get(proposal.chain)?.reports ?? []
  const remaining = before.members.filter((member) => sameLife(after, member) !== null)
  const kept = after.members.filter((member) => sameLife(before, member) !== null)
  const inOrder = remaining.every((member, i) => kept[i]?.server === member.server)
  invariant('UpdatePropagation', inOrder, () => `members changed places: ${story(proposal)}`)
  for (const member of before.members) {
    if (remaining.includes(member) || !isLive(view, member)) continue
    const said = validReport(reports, before, member)?.state
    const silent = said === 'failed' ? member.leaving || !member.serving : said === 'left' && member.leaving
    invariant(
      'ReadUnderLease',
      silent,
      () => `${member.server} is alive and has not left: ${story(proposal)}`,
    )
  }
  const servesOn = servingMembers(before).some((member) => sameLife(after, member)?.serving === true)
  const returns = servingMembers(after).some((member) => isReturn(view, before, member))
  invariant('ServingNeverEmpty', servesOn || returns, () => `nobody serves on: ${story(proposal)}`)
}

/** A serving member's new life, while no serving member lives: the one case in which somebody serves without a handoff. */
function isReturn(view: ManagerView, before: ChainConfig, member: Member): boolean {
  const served = servingMembers(before)
  const held = view.servers.get(member.server)?.holds[before.chain]
  return (
    served.some(({ server }) => server === member.server) &&
    !served.some((other) => isLive(view, other)) &&
    isLive(view, member) &&
    held !== undefined &&
    held.epoch >= 1
  )
}

/** A chain begins with empty servers, or where an operator says so; and never while somebody carries it. */
function checkSeed(view: ManagerView, proposal: Proposal, before: ChainConfig | null): void {
  const alone = before === null || !servingMembers(before).some((member) => isLive(view, member))
  invariant('ServingNeverEmpty', alone, () => `a seed beside a living member: ${story(proposal)}`)
  if (proposal.step === 'reset') return
  const empty = [...view.servers.values()].every(({ holds }) => holds[proposal.chain] === undefined)
  invariant('ServingNeverEmpty', empty, () => `created although somebody holds its data: ${story(proposal)}`)
}

const sameLife = (config: ChainConfig, { server, incarnation }: Member): Member | null =>
  config.members.find((member) => member.server === server && member.incarnation === incarnation) ?? null

const story = ({ chain, config, step, reason }: Proposal) => `${chain}@${config.epoch} ${step}: ${reason}`
