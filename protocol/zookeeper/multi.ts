import {
  type CustomField,
  JuteError,
  type JuteReader,
  type JuteWriter,
  type Layout,
  type RecordOf,
  readRecord,
  record,
  writeFields,
  writeRecord,
} from './jute.ts'
import {
  CHILDREN_RESPONSE,
  CREATE_REQUEST,
  CREATE_TTL_REQUEST,
  DATA_RESPONSE,
  EMPTY,
  PATH_AND_STAT,
  PATH_AND_VERSION,
  PATH_AND_WATCH,
  PATH_RECORD,
  SET_DATA_REQUEST,
  STAT_RESPONSE,
} from './records.ts'

/** What a multi may hold. `resultCode` is the type in the result's header: all creates that answer a Stat say 15. */
export const MULTI_OPS = {
  create: { code: 1, request: CREATE_REQUEST, resultCode: 1, result: PATH_RECORD },
  create2: { code: 15, request: CREATE_REQUEST, resultCode: 15, result: PATH_AND_STAT },
  delete: { code: 2, request: PATH_AND_VERSION, resultCode: 2, result: EMPTY },
  setData: { code: 5, request: SET_DATA_REQUEST, resultCode: 5, result: STAT_RESPONSE },
  check: { code: 13, request: PATH_AND_VERSION, resultCode: 13, result: EMPTY },
  createContainer: { code: 19, request: CREATE_REQUEST, resultCode: 15, result: PATH_AND_STAT },
  createTTL: { code: 21, request: CREATE_TTL_REQUEST, resultCode: 15, result: PATH_AND_STAT },
} as const satisfies MultiTable

/** What a multiRead may hold: never the same as a multi, so that a mixture is malformed. */
export const MULTI_READ_OPS = {
  getData: { code: 4, request: PATH_AND_WATCH, resultCode: 4, result: DATA_RESPONSE },
  getChildren: { code: 8, request: PATH_AND_WATCH, resultCode: 8, result: CHILDREN_RESPONSE },
} as const satisfies MultiTable

interface MultiRow {
  readonly code: number
  readonly request: Layout
  readonly resultCode: number
  readonly result: Layout
}
type MultiTable = Readonly<Record<string, MultiRow>>
type OpIn<Table extends MultiTable> = {
  [N in keyof Table]: { readonly type: N } & RecordOf<Table[N]['request']>
}[keyof Table]
type ResultIn<Table extends MultiTable> = {
  [N in keyof Table]: { readonly type: N } & RecordOf<Table[N]['result']>
}[keyof Table]

export type MultiOpName = keyof typeof MULTI_OPS
export type MultiOp = OpIn<typeof MULTI_OPS>

/** Of a failed multi: 0 for the ops before the failing one, its code, RuntimeInconsistency for those after it. */
export interface MultiErrorResult {
  readonly type: 'error'
  readonly err: number
}
export type MultiResult = ResultIn<typeof MULTI_OPS> | MultiErrorResult
/** Each read fails, or not, on its own. */
export type MultiReadResult = ResultIn<typeof MULTI_READ_OPS> | MultiErrorResult

const MULTI_HEADER = record('MultiHeader', [
  ['type', 'int'],
  ['done', 'bool'],
  ['err', 'int'],
])
const ERROR_RESULT = record('ErrorResult', [['err', 'int']])
const TERMINATOR = { type: -1, done: true, err: -1 }

function opsField<Table extends MultiTable>(table: Table): CustomField<readonly OpIn<Table>[]> {
  const names = new Map<number, string>(Object.entries(table).map(([name, { code }]) => [code, name]))
  return {
    read: (reader) =>
      readUntilDone(reader, (code) => {
        const type = names.get(code) ?? ''
        const row = table[type]
        if (row === undefined) throw new JuteError(`no such operation in a multi: ${code}`)
        return { type, ...readRecord(reader, row.request) } as OpIn<Table>
      }),
    write(writer, ops) {
      for (const op of ops) {
        const row = table[op.type] as MultiRow
        writeRecord(writer, MULTI_HEADER, { type: row.code, done: false, err: -1 })
        writeFields(writer, row.request, op)
      }
      writeRecord(writer, MULTI_HEADER, TERMINATOR)
    },
  }
}

/** Several operations share a result code and its layout: the result is read as that of the operation which has the code itself. */
function resultsField<Table extends MultiTable>(
  table: Table,
): CustomField<readonly (ResultIn<Table> | MultiErrorResult)[]> {
  const rows = Object.entries(table).filter(([, { code, resultCode }]) => code === resultCode)
  const names = new Map<number, string>(rows.map(([name, { resultCode }]) => [resultCode, name]))
  return {
    read: (reader) =>
      readUntilDone(reader, (code) => {
        if (code === -1) return { type: 'error', ...readRecord(reader, ERROR_RESULT) }
        const type = names.get(code) ?? ''
        const row = table[type]
        if (row === undefined) throw new JuteError(`no such result in a multi: ${code}`)
        return { type, ...readRecord(reader, row.result) } as ResultIn<Table>
      }),
    write(writer, results) {
      for (const result of results) {
        const row = table[result.type] // none is called `error`
        if (row === undefined) writeError(writer, (result as MultiErrorResult).err)
        else {
          writeRecord(writer, MULTI_HEADER, { type: row.resultCode, done: false, err: 0 })
          writeFields(writer, row.result, result)
        }
      }
      writeRecord(writer, MULTI_HEADER, TERMINATOR)
    },
  }
}

function writeError(writer: JuteWriter, err: number): void {
  writeRecord(writer, MULTI_HEADER, { type: -1, done: false, err })
  writeRecord(writer, ERROR_RESULT, { err })
}

function readUntilDone<Item>(reader: JuteReader, readItem: (code: number) => Item): readonly Item[] {
  const items: Item[] = []
  for (;;) {
    const header = readRecord(reader, MULTI_HEADER)
    if (header.done) return items
    items.push(readItem(header.type))
  }
}

export const MULTI_REQUEST = record('MultiRequest', [['ops', opsField(MULTI_OPS)]])
export const MULTI_RESPONSE = record('MultiResponse', [['results', resultsField(MULTI_OPS)]])
export const MULTI_READ_REQUEST = record('MultiReadRequest', [['ops', opsField(MULTI_READ_OPS)]])
export const MULTI_READ_RESPONSE = record('MultiReadResponse', [['results', resultsField(MULTI_READ_OPS)]])
