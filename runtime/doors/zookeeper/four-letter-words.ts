/** Questions that operators and monitors ask in four letters, unframed, as the first bytes of a connection. */
import type { ServerSight } from './server-sight.ts'
import {
  clientLines,
  connectionLines,
  dump,
  monitorLines,
  pairLines,
  serverLines,
  VERSION,
  watchesByConnection,
  watchesByPath,
  watchSummary,
} from './word-forms.ts'

/** What the words may change: the door's counters, and a number that is kept for whoever set it. */
export interface WordEffects {
  resetServer(): void
  resetConnections(): void
  traceMask: bigint
}

type Answer = (sight: ServerSight, effects: WordEffects, argument: Uint8Array) => string

const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n'
const VERSION_LINE = `Zookeeper version: ${VERSION}\n`
/** `stmk` is followed by its mask. */
const MASK_BYTES = 8
/** ZooKeeper's own: requests, server packets, sessions, warnings. */
export const TRACE_MASK = 306n

/** Answered by a member that serves nobody, too. */
const ANYTIME: Readonly<Record<string, Answer>> = {
  ruok: () => 'imok',
  isro: ({ facts }) => (facts.serving ? 'rw' : 'null'),
  envi: ({ host }) => `Environment:\n${pairLines([['zookeeper.version', VERSION], ...host.environment()])}`,
  gtmk: (_, effects) => String(effects.traceMask),
  stmk: (_, effects, argument) => {
    effects.traceMask = new DataView(argument.buffer, argument.byteOffset).getBigInt64(0)
    return String(effects.traceMask)
  },
}

const WHILE_SERVING: Readonly<Record<string, Answer>> = {
  srvr: (sight) => VERSION_LINE + serverLines(sight),
  stat: (sight) => `${VERSION_LINE}Clients:\n${clientLines(sight)}\n${serverLines(sight)}`,
  cons: (sight) => `${connectionLines(sight)}\n`,
  conf: ({ host }) => pairLines(host.configuration()),
  mntr: monitorLines,
  dump,
  wchs: watchSummary,
  wchc: watchesByConnection,
  wchp: watchesByPath,
  dirs: ({ host }) => `datadir_size: ${host.dataBytes()}\nlogdir_size: ${host.logBytes()}\n`,
  srst: (_, effects) => {
    effects.resetServer()
    return 'Server stats reset.\n'
  },
  crst: (_, effects) => {
    effects.resetConnections()
    return 'Connection stats reset.\n'
  },
}

/** Words of ZooKeeper that have no answer here: read as a length they would be a puzzle. */
const SILENT = new Set(['hash', 'lead', 'wcpp'])

export const FOUR_LETTER_WORDS: readonly string[] = [...Object.keys(ANYTIME), ...Object.keys(WHILE_SERVING)]
/** As ZooKeeper's default, and `isro`, by which clients look for a member that takes writes. */
export const DEFAULT_WORDS: readonly string[] = ['srvr', 'isro']

export const isFourLetterWord = (word: string): boolean =>
  FOUR_LETTER_WORDS.includes(word) || SILENT.has(word)

/** Bytes that follow a word. */
export const argumentBytes = (word: string): number => (word === 'stmk' ? MASK_BYTES : 0)

/** @param allowed - the words that are answered; `*` is all of them. */
export function answerTo(
  word: string,
  argument: Uint8Array,
  {
    allowed,
    sight,
    effects,
  }: {
    readonly allowed: readonly string[]
    readonly sight: ServerSight
    readonly effects: WordEffects
  },
): string {
  if (!FOUR_LETTER_WORDS.includes(word) || !(allowed.includes(word) || allowed.includes('*')))
    return `${word} is not executed because it is not in the whitelist.\n`
  const anytime = ANYTIME[word]
  if (anytime !== undefined) return anytime(sight, effects, argument)
  if (!sight.facts.serving) return NOT_SERVING
  return WHILE_SERVING[word]?.(sight, effects, argument) ?? ''
}
