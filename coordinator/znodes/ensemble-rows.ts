/** The members of an ensemble as ZooKeeper writes them: `server.4=host:peer:election:participant;clientHost:clientPort`. */

export interface EnsembleRow {
  /** From 1 to 127. */
  readonly number: number
  readonly host: string
  readonly peerPort: number
  /** ZooKeeper has a port for elections, too. Here it is kept as it was given, and not used. */
  readonly electionPort: number
  readonly role: 'participant' | 'observer'
  readonly clientHost: string
  readonly clientPort: number
}

const HOST = '(?:\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9_.-]+)'
const ROW = new RegExp(
  `^server\\.(\\d{1,3})=(${HOST}):(\\d{1,5}):(\\d{1,5})(?::(participant|observer))?;(?:(${HOST}):)?(\\d{1,5})$`,
)
const NUMBER_MAX = 127

/** @returns null for what is no such row. Without a role it is a participant, without a client host it listens everywhere. */
export function rowOf(text: string): EnsembleRow | null {
  const [, number, host, peer, election, role, clientHost = '0.0.0.0', client] = ROW.exec(text.trim()) ?? []
  if (number === undefined || host === undefined) return null
  const row = {
    number: Number(number),
    host,
    peerPort: Number(peer),
    electionPort: Number(election),
    role: role === 'observer' ? 'observer' : 'participant',
    clientHost,
    clientPort: Number(client),
  } as const
  const ports = [row.peerPort, row.electionPort, row.clientPort]
  const usable =
    row.number >= 1 && row.number <= NUMBER_MAX && ports.every((port) => port >= 1 && port < 65536)
  return usable ? row : null
}

export function textOfRow(row: EnsembleRow): string {
  const { number, host, peerPort, electionPort, role, clientHost, clientPort } = row
  return `server.${number}=${host}:${peerPort}:${electionPort}:${role};${clientHost}:${clientPort}`
}

/** One row a line, by number. */
export const textOfRows = (rows: readonly EnsembleRow[]): string =>
  [...rows]
    .sort((a, b) => a.number - b.number)
    .map(textOfRow)
    .join('\n')

/** The data of `/zookeeper/config`. */
export interface EnsembleConfig {
  readonly rows: readonly EnsembleRow[]
  /** zxid of the entry that it came with. */
  readonly version: number
}

export const textOfConfig = ({ rows, version }: EnsembleConfig): string =>
  `${textOfRows(rows)}\nversion=${version.toString(16)}`

/** @returns null for what is no configuration. */
export function configOf(text: string): EnsembleConfig | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [, version] = /^version=([0-9a-f]{1,13})$/i.exec(lines.pop() ?? '') ?? []
  const rows = lines.map(rowOf)
  if (version === undefined || !rows.every((row) => row !== null) || rows.length === 0) return null
  return { rows, version: Number.parseInt(version, 16) }
}

const partsOf = (text: string): string[] => text.split(/[,\n]/).filter((part) => part.trim() !== '')

/** Whether the parts have the form of rows, whatever their numbers. */
export const hasFormOfRows = (text: string): boolean => partsOf(text).every((part) => ROW.test(part.trim()))

/** Lists with commas between, or lines. @returns null where a part is no row, or a number is there twice. */
export function rowsIn(text: string): readonly EnsembleRow[] | null {
  const rows = partsOf(text).map(rowOf)
  if (!rows.every((row) => row !== null)) return null
  return new Set(rows.map(({ number }) => number)).size === rows.length ? rows : null
}

/** What the ensemble should be, as a client of `reconfig` says it. @returns null for what nobody can mean. */
export function wantedRows(
  current: readonly EnsembleRow[],
  {
    joining,
    leaving,
    newMembers,
  }: { readonly joining: string; readonly leaving: string; readonly newMembers: string },
): readonly EnsembleRow[] | null {
  const whole = newMembers !== ''
  if (whole === (joining !== '' || leaving !== '')) return null
  const rows = whole ? rowsIn(newMembers) : changedRows(current, joining, leaving)
  return rows?.some(({ role }) => role === 'participant') ? rows : null
}

function changedRows(
  current: readonly EnsembleRow[],
  joining: string,
  leaving: string,
): readonly EnsembleRow[] | null {
  const added = rowsIn(joining)
  const gone = leaving.split(',').filter((part) => part.trim() !== '')
  if (added === null || gone.some((part) => !/^\s*\d{1,3}\s*$/.test(part))) return null
  const numbers = new Set([...added.map(({ number }) => number), ...gone.map(Number)])
  if (numbers.size !== added.length + gone.length) return null
  return [...current.filter(({ number }) => !numbers.has(number)), ...added]
}
