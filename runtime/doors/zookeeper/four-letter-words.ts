/** Questions that operators and monitors ask in four letters, unframed, as the first bytes of a connection. */

/** What the answers are made of. */
export interface DoorFacts {
  readonly serving: boolean
  readonly mode: 'leader' | 'follower' | 'standalone'
  readonly zxid: number
  readonly nodeCount: number
  readonly watchCount: number
  readonly ephemeralsCount: number
  readonly sessionCount: number
  readonly connectionCount: number
  readonly outstanding: number
  readonly packetsReceived: number
  readonly packetsSent: number
}

/** Clients match this line with a regular expression: keep its form. */
const VERSION = '3.8.0-catenary, built on 01/01/2025 00:00 UTC'
const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests'

const answers: Readonly<Record<string, (facts: DoorFacts) => string>> = {
  ruok: () => 'imok',
  isro: ({ serving }) => (serving ? 'rw' : 'null'),
  srvr: (facts) =>
    facts.serving ? `Zookeeper version: ${VERSION}\n${serverLines(facts)}` : `${NOT_SERVING}\n`,
  stat: (facts) =>
    facts.serving ? `Zookeeper version: ${VERSION}\nClients:\n\n${serverLines(facts)}` : `${NOT_SERVING}\n`,
  mntr: (facts) => (facts.serving ? monitorLines(facts) : `${NOT_SERVING}\n`),
}

/** Words that are known and not answered: read as a length they would be a puzzle. */
const SILENT = new Set(
  'conf cons crst dirs dump envi gtmk hash lead srst stmk wchc wchp wchs wcpp'.split(' '),
)

export const isFourLetterWord = (word: string): boolean => Object.hasOwn(answers, word) || SILENT.has(word)

export function answerTo(word: string, facts: DoorFacts): string {
  const answer = Object.hasOwn(answers, word) ? answers[word] : undefined
  return answer?.(facts) ?? `${word} is not executed because it is not in the whitelist.\n`
}

function serverLines(facts: DoorFacts): string {
  return [
    'Latency min/avg/max: 0/0.0/0',
    `Received: ${facts.packetsReceived}`,
    `Sent: ${facts.packetsSent}`,
    `Connections: ${facts.connectionCount}`,
    `Outstanding: ${facts.outstanding}`,
    `Zxid: 0x${facts.zxid.toString(16)}`,
    `Mode: ${facts.mode}`,
    `Node count: ${facts.nodeCount}`,
    '',
  ].join('\n')
}

function monitorLines(facts: DoorFacts): string {
  const lines: readonly (readonly [name: string, value: string | number])[] = [
    ['version', VERSION],
    ['server_state', facts.mode],
    ['packets_received', facts.packetsReceived],
    ['packets_sent', facts.packetsSent],
    ['num_alive_connections', facts.connectionCount],
    ['outstanding_requests', facts.outstanding],
    ['znode_count', facts.nodeCount],
    ['watch_count', facts.watchCount],
    ['ephemerals_count', facts.ephemeralsCount],
    ['global_sessions', facts.sessionCount],
  ]
  return lines.map(([name, value]) => `zk_${name}\t${value}\n`).join('')
}
