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
  CREATE_REQUEST,
  EMPTY,
  PATH_AND_STAT,
  PATH_AND_VERSION,
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
} as const satisfies Record<string, { code: number; request: Layout; resultCode: number; result: Layout }>

export type MultiOpName = keyof typeof MULTI_OPS
export type MultiOp = {
  [N in MultiOpName]: { readonly type: N } & RecordOf<(typeof MULTI_OPS)[N]['request']>
}[MultiOpName]

/** Of a failed multi: 0 for the ops before the failing one, its code, RuntimeInconsistency for those after it. */
export interface MultiErrorResult {
  readonly type: 'error'
  readonly err: number
}
export type MultiResult =
  | { [N in MultiOpName]: { readonly type: N } & RecordOf<(typeof MULTI_OPS)[N]['result']> }[MultiOpName]
  | MultiErrorResult

const MULTI_HEADER = record('MultiHeader', [
  ['type', 'int'],
  ['done', 'bool'],
  ['err', 'int'],
])
const ERROR_RESULT = record('ErrorResult', [['err', 'int']])
const TERMINATOR = { type: -1, done: true, err: -1 }

const names = Object.keys(MULTI_OPS) as MultiOpName[]
const byCode = new Map<number, MultiOpName>(names.map((name) => [MULTI_OPS[name].code, name]))
const byResultCode = new Map<number, MultiOpName>(names.map((name) => [MULTI_OPS[name].resultCode, name]))

const OPS_FIELD: CustomField<readonly MultiOp[]> = {
  read(reader) {
    return readUntilDone(reader, (code) => {
      const type = byCode.get(code)
      if (type === undefined) throw new JuteError(`no such operation in a multi: ${code}`)
      return { type, ...readRecord(reader, MULTI_OPS[type].request) } as MultiOp
    })
  },
  write(writer, ops) {
    for (const op of ops) {
      const row = MULTI_OPS[op.type]
      writeRecord(writer, MULTI_HEADER, { type: row.code, done: false, err: -1 })
      writeFields(writer, row.request, op)
    }
    writeRecord(writer, MULTI_HEADER, TERMINATOR)
  },
}

const RESULTS_FIELD: CustomField<readonly MultiResult[]> = {
  read(reader) {
    return readUntilDone(reader, (code) => {
      if (code === -1) return { type: 'error', ...readRecord(reader, ERROR_RESULT) }
      const type = byResultCode.get(code)
      if (type === undefined) throw new JuteError(`no such result in a multi: ${code}`)
      return { type, ...readRecord(reader, MULTI_OPS[type].result) } as MultiResult
    })
  },
  write(writer, results) {
    for (const result of results) writeResult(writer, result)
    writeRecord(writer, MULTI_HEADER, TERMINATOR)
  },
}

export const MULTI_REQUEST = record('MultiRequest', [['ops', OPS_FIELD]])
export const MULTI_RESPONSE = record('MultiResponse', [['results', RESULTS_FIELD]])

function readUntilDone<Item>(reader: JuteReader, readItem: (code: number) => Item): readonly Item[] {
  const items: Item[] = []
  for (;;) {
    const header = readRecord(reader, MULTI_HEADER)
    if (header.done) return items
    items.push(readItem(header.type))
  }
}

function writeResult(writer: JuteWriter, result: MultiResult): void {
  if (result.type === 'error') {
    writeRecord(writer, MULTI_HEADER, { type: -1, done: false, err: result.err })
    writeRecord(writer, ERROR_RESULT, result)
  } else {
    const row = MULTI_OPS[result.type]
    writeRecord(writer, MULTI_HEADER, { type: row.resultCode, done: false, err: 0 })
    writeFields(writer, row.result, result)
  }
}
