import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import { unreachable } from '../../../protocol/invariants.ts'
import type { Travelling } from './raft-board.ts'

/** On the arrow. */
export function labelOf(message: RaftMessage): string {
  switch (message.type) {
    case 'pre-vote-request':
      return 'would you vote for me?'
    case 'pre-vote-reply':
      return message.granted ? 'I would' : 'I would not'
    case 'vote-request':
      return `vote for me in ${message.term}`
    case 'vote-reply':
      return message.granted ? 'yes' : 'no'
    case 'append-entries':
      return message.entries.length === 0
        ? 'heartbeat'
        : `append ${message.entries.map(({ term }) => term).join(' ')}`
    case 'append-reply':
      return message.outcome.type === 'matched' ? `have ${message.outcome.index}` : 'does not fit'
    case 'snapshot-chunk':
      return `snapshot up to ${message.meta.lastIndex}`
    case 'snapshot-reply':
      return `have ${message.lastIndex}`
    case 'read-index-request':
    case 'read-index-reply':
    case 'timeout-now':
      return message.type
    default:
      return unreachable(message)
  }
}

/** For hover: every field with its value. */
export function fieldsOf(message: RaftMessage): readonly string[] {
  const fields: string[] = []
  for (const [name, value] of Object.entries(message)) {
    if (name === 'type') continue
    if (name === 'outcome' || name === 'meta')
      fields.push(...Object.entries(value as object).map(([part, of]) => `${part}: ${of}`))
    else if (name === 'entries') fields.push(`entries: ${(value as readonly unknown[]).length}`)
    else if (name !== 'bytes' && name !== 'membership') fields.push(`${name}: ${value}`)
  }
  return fields
}

/** What one wave of messages says, in a few sentences. */
export function captionOf(messages: readonly Travelling[]): string {
  const said = new Set(messages.map(sentence))
  return [...said].join(' ')
}

function sentence({ from, to, message }: Travelling): string {
  switch (message.type) {
    case 'pre-vote-request':
      return `${from} asks who would vote for it: its last entry is ${message.lastIndex}, of term ${message.lastTerm}.`
    case 'pre-vote-reply':
      return message.granted ? `${from} would vote for ${to}.` : `${from} would not vote for ${to}.`
    case 'vote-request':
      return `${from} asks for votes in term ${message.term}: its last entry is ${message.lastIndex}, of term ${message.lastTerm}.`
    case 'vote-reply':
      return message.granted
        ? `${from} votes for ${to} in term ${message.term}.`
        : `${from} does not vote for ${to}.`
    case 'append-entries':
      return appendSentence(from, message)
    case 'append-reply':
      return replySentence(from, message)
    case 'snapshot-chunk':
      return `${from} no longer has the entries that ${to} lacks; it sends its snapshot, which stands for all up to ${message.meta.lastIndex}.`
    case 'snapshot-reply':
      return `${from} has all up to ${message.lastIndex}.`
    case 'read-index-request':
    case 'read-index-reply':
    case 'timeout-now':
      return `${from} sends ${to} ${message.type}.`
    default:
      return unreachable(message)
  }
}

function appendSentence(
  from: string,
  { prevIndex, prevTerm, entries, commit }: Extract<RaftMessage, { type: 'append-entries' }>,
): string {
  if (entries.length === 0) return `${from} says that all up to ${commit} is committed.`
  const terms = entries.map(({ term }) => term).join(' ')
  const after = prevIndex === 0 ? 'from the first on' : `to follow entry ${prevIndex} of term ${prevTerm}`
  return `${from} sends ${terms}, ${after}.`
}

function replySentence(from: string, { outcome }: Extract<RaftMessage, { type: 'append-reply' }>): string {
  if (outcome.type === 'matched') return `${from} has the leader's log up to ${outcome.index}, on its disk.`
  const { prevIndex, xTerm, xIndex, xLen } = outcome
  if (xTerm === null)
    return `${from} refuses: it has no entry ${prevIndex}; its log ends at ${xLen} (XLen ${xLen}).`
  return `${from} refuses: it has term ${xTerm} at ${prevIndex}, from entry ${xIndex} on (XTerm ${xTerm}, XIndex ${xIndex}, XLen ${xLen}).`
}
