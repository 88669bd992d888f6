import { type ChainConfig, type Member, servingMembers } from '../../../protocol/chain-config.ts'
import { must } from './violation.ts'

/**
 * What holds of any two configurations of a chain that follow each other in the coordinators' log, whoever wrote them (DESIGN section 4). `overridden`: an operator
 * has ordered a reset, which may jump epochs and seed the chain anew.
 */
export function checkSuccession(before: ChainConfig | null, after: ChainConfig, overridden = false): void {
  const who = after.chain
  const words = () => `${describe(before)} is followed by ${describe(after)}`
  must('ServingNeverEmpty', servingMembers(after).length > 0, who, words)
  if (before === null) return
  const isNext = overridden ? after.epoch > before.epoch : after.epoch === before.epoch + 1
  must('EpochFence', isNext, who, words)
  if (overridden) return
  const servesOn = servingMembers(before).some((member) => sameLife(after, member)?.serving === true)
  must('ServingNeverEmpty', servesOn || isReturn(before, after), who, words)
  for (const member of servingMembers(after)) {
    const was = sameLife(before, member)
    // Marked as serving only after it had been a member for an epoch, in which it was handed off to.
    must('HandoffBeforeServing', was !== null || (!servesOn && isReturn(before, after)), who, words)
  }
  const stayed = before.members.filter((member) => sameLife(after, member) !== null)
  const kept = after.members.filter((member) => sameLife(before, member) !== null)
  const inOrder = stayed.every((member, i) => kept[i]?.server === member.server)
  must('UpdatePropagation', inOrder, who, words)
}

/** The one case in which a new life serves without a handoff: one that served is back, and alone. */
function isReturn(before: ChainConfig, after: ChainConfig): boolean {
  const served = new Set(servingMembers(before).map(({ server }) => server))
  const [alone, ...others] = servingMembers(after)
  return alone !== undefined && others.length === 0 && served.has(alone.server)
}

export const sameLife = (
  config: ChainConfig,
  { server, incarnation }: Pick<Member, 'server' | 'incarnation'>,
): Member | null =>
  config.members.find((member) => member.server === server && member.incarnation === incarnation) ?? null

/** `c0@7: n1/3 -> n2/1*, joining n3/2`: lives by incarnation, `*` not serving, `-` leaving. */
export function describe(config: ChainConfig | null): string {
  if (config === null) return 'nothing'
  const members = config.members.map(
    (m) => `${m.server}/${m.incarnation}${m.serving ? '' : '*'}${m.leaving ? '-' : ''}`,
  )
  const joining =
    config.joining === null ? '' : `, joining ${config.joining.server}/${config.joining.incarnation}`
  return `${config.chain}@${config.epoch}: ${members.join(' -> ')}${joining}`
}
