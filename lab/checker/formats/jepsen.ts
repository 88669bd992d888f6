import type { RegisterInput, RegisterOutput } from '../operations.ts'
import { type History, HistoryError, type Line, quote } from './history.ts'
import { type Answer, Pairing } from './pairing.ts'

const LINE = /^INFO\s+jepsen\.\S+ - (\d+)\t:(\w+)\t:([\w-]+)\t(.*)$/
const PAIR = /^\[(-?\d+) (-?\d+)\]$/

export const isJepsen = (line: string): boolean => /^INFO\s+jepsen\./.test(line)

/** The log of a Jepsen test of one register. There are no times in it: the number of the line stands for the time. */
export function readJepsen(lines: readonly Line[]): History {
  const pairing = new Pairing('process')
  let isTruncated = false
  for (const line of lines) {
    const match = LINE.exec(line.text)
    if (match === null) {
      if (!line.isUnfinished)
        throw new HistoryError({ line: line.number }, `not a line of a Jepsen log: ${quote(line.text)}`)
      isTruncated = true
      continue
    }
    const [, who = '', type = '', f = '', value = ''] = match
    if (type === 'invoke') {
      const input = inputOf(line.number, f, value)
      pairing.invoke(line.number, who, { id: pairing.count, process: who, input, call: line.number }, false)
    } else {
      const { input } = pairing.invocationOf(line.number, who)
      const answer = answerOf(line.number, { type, f, value }, input as RegisterInput)
      pairing.answer(line.number, who, line.number, answer)
    }
  }
  return {
    format: 'jepsen',
    model: 'register',
    initial: null,
    operations: pairing.operations(),
    about: {},
    isTruncated,
  }
}

function inputOf(line: number, f: string, value: string): RegisterInput {
  switch (f) {
    case 'read':
      return { f: 'read' }
    case 'write':
      return { f: 'write', value: numberOf(line, value) }
    case 'cas': {
      const pair = PAIR.exec(value)
      if (pair === null)
        throw new HistoryError({ line, field: 'value' }, `a cas has [old new], not ${quote(value)}`)
      return { f: 'cas', expect: Number(pair[1]), value: Number(pair[2]) }
    }
    default:
      throw new HistoryError({ line, field: 'f' }, `${quote(f)} is none of read, write, cas`)
  }
}

/** A failed cas compared and found another value; what else failed did not happen. */
function answerOf(
  line: number,
  event: { readonly type: string; readonly f: string; readonly value: string },
  input: RegisterInput,
): Answer {
  const { type, f, value } = event
  if (f !== input.f)
    throw new HistoryError(
      { line, field: 'f' },
      `an answer to ${quote(f)}, but the process called ${quote(input.f)}`,
    )
  const ok = (output: RegisterOutput): Answer => ({ type: 'ok', output })
  switch (type) {
    case 'ok':
      if (f === 'read') return ok({ value: value === 'nil' ? null : numberOf(line, value) })
      return ok(f === 'cas' ? { matched: true } : {})
    case 'fail':
      return f === 'cas' && value !== ':timed-out' ? ok({ matched: false }) : { type: 'fail' }
    case 'info':
      return { type: 'info' }
    default:
      throw new HistoryError({ line, field: 'type' }, `${quote(type)} is none of invoke, ok, fail, info`)
  }
}

function numberOf(line: number, text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text)
  throw new HistoryError({ line, field: 'value' }, `${quote(text)} is no number`)
}
