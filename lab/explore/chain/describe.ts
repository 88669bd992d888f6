/** Steps of a server, for people. */
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { Entry } from '../../../protocol/entry.ts'
import type { ServerId } from '../../../protocol/ids.ts'
import type { Interner } from '../interner.ts'
import type { ServerEffects, ServerEvent } from './server.ts'

const bytes = (_: string, part: unknown) => (part instanceof Uint8Array ? [...part].join(' ') : part)
const json = (value: unknown): string => JSON.stringify(value, bytes)

export function printEvent(event: ServerEvent): string {
  if (event.type !== 'step') return event.type === 'time' ? `${event.ms} ms pass` : event.type
  const { event: inner } = event
  switch (inner.type) {
    case 'message':
      return `from ${inner.from}: ${printMessage(inner.message)}`
    case 'config':
      return `config ${printConfig(inner.config)}`
    case 'write':
      return `write ${inner.request}`
    case 'read':
      return `read ${inner.request}`
    case 'peer-down':
      return `the link to ${inner.server} is gone`
    case 'lease':
      return inner.untilMs === 0 ? 'lease gone' : 'lease'
    default:
      return inner.type
  }
}

export function printEffects(
  { sends, others, notes }: ServerEffects,
  ids: readonly ServerId[],
  packets: Interner<ChainMessage | null>,
): string[] {
  const sent = sends.map(({ to, packet }) => {
    const message = packets.value(packet)
    return `    -> ${ids[to]} ${message === null ? '' : printMessage(message)}`
  })
  const rest = others.map((effect) => {
    if (effect.type === 'committed') return `    calls ${printEntry(effect.entry)} committed`
    if (effect.type === 'report') return `    reports ${effect.report.state} in epoch ${effect.report.epoch}`
    return `    answers request ${effect.request}: ${json(effect.result)}`
  })
  return [...rest, ...sent, ...notes.map((note) => `    (${note})`)]
}

const printEntry = ({ epoch, seq, writes }: Entry) =>
  `${epoch}/${seq}=${writes.map(({ value }) => value?.join(' ')).join()}`

function printConfig({
  epoch,
  members,
  joining,
}: Extract<ChainMessage, { type: 'config' }>['config']): string {
  const chain = members.map(
    ({ server, serving, leaving }) => `${server}${serving ? '' : '*'}${leaving ? '-' : ''}`,
  )
  return `epoch ${epoch}: ${chain.join(' -> ')}${joining === null ? '' : `, ${joining.server} joins`}`
}

function printMessage(message: ChainMessage): string {
  if (message.type === 'config') return `config ${printConfig(message.config)}`
  const { type, ...rest } = message
  const shown = Object.entries(rest).map(([name, value]) => {
    if (name === 'entries') return `entries=[${(value as readonly Entry[]).map(printEntry).join(' ')}]`
    return `${name}=${typeof value === 'object' ? json(value) : value}`
  })
  return `${type} ${shown.join(' ')}`
}
