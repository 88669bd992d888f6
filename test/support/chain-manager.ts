import { type ChainConfig, type Member, servingMembers } from '../../protocol/chain-config.ts'
import { asEpoch } from '../../protocol/ids.ts'
import type { ChainWorld } from './chain-world.ts'

/** A configuration that the manager may write next, and what it is called. */
export interface Change {
  readonly name: string
  readonly apply: () => void
}

/**
 * All single changes that the rules of DESIGN section 4 allow now, the most urgent first. A change never takes the last serving member
 * (ServingNeverEmpty) and marks nobody as serving who has not said so in this epoch (HandoffBeforeServing).
 */
export function allowedChanges(
  world: ChainWorld,
  options: { leaves: boolean; membersMax: number },
): Change[] {
  const { config } = world
  const changes: Change[] = []
  const add = (name: string, next: Partial<ChainConfig>, before?: () => void) =>
    changes.push({
      name,
      apply: () => {
        before?.()
        world.note(() => `manager: ${name}`)
        world.publish({ ...config, ...next, epoch: asEpoch(config.epoch + 1) })
      },
    })
  const without = (member: Member) => config.members.filter((other) => other !== member)
  const withChanged = (member: Member, change: Partial<Member>) =>
    config.members.map((other) => (other === member ? { ...other, ...change } : other))
  const stateOf = (member: { server: Member['server']; incarnation: Member['incarnation'] }) => {
    const report = world.reported.get(member.server)
    return report?.incarnation === member.incarnation && report.epoch === config.epoch ? report.state : null
  }

  const serving = servingMembers(config)
  for (const member of config.members) {
    const server = world.server(member.server)
    const sameLife = server.up && server.incarnation === member.incarnation && !server.expired
    const last = serving.length === 1 && serving[0] === member
    if (!member.serving && stateOf(member) === 'serving')
      add(`${member.server} serves`, { members: withChanged(member, { serving: true }) })
    if (last && server.up && !sameLife && !server.expired) {
      const { incarnation } = server
      add(`${member.server} returns`, { members: withChanged(member, { incarnation, leaving: false }) })
    }
    if (last) continue
    if (!sameLife) add(`evict ${member.server}`, { members: without(member) })
    else if (!server.leased)
      add(`evict ${member.server}`, { members: without(member) }, () => world.expireSession(server))
    else if (stateOf(member) === 'failed') add(`evict ${member.server}`, { members: without(member) })
    else if (member.leaving && stateOf(member) === 'left')
      add(`drop ${member.server}`, { members: without(member) })
    if (options.leaves && serving.filter(({ leaving }) => !leaving).length > 1 && !member.leaving)
      add(`${member.server} shall leave`, { members: withChanged(member, { leaving: true }) })
    if (member.leaving && !options.leaves)
      add(`${member.server} shall stay`, { members: withChanged(member, { leaving: false }) })
  }
  const { joining } = config
  if (joining !== null) {
    const server = world.server(joining.server)
    const gone = !server.up || server.expired || server.incarnation !== joining.incarnation
    const member = { ...joining, serving: false, leaving: false }
    if (gone) add(`${joining.server} joins no more`, { joining: null })
    else if (stateOf(joining) === 'synced')
      add(`promote ${joining.server}`, { members: [...config.members, member], joining: null })
  } else if (serving.length === config.members.length && config.members.length < options.membersMax) {
    for (const { id, up, expired, leased, incarnation } of world.servers) {
      if (!up || expired || !leased || config.members.some(({ server }) => server === id)) continue
      add(`${id} joins`, { joining: { server: id, incarnation } })
    }
  }
  return changes
}
