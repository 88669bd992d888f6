import type {
  KvExpect,
  KvInput,
  KvOutput,
  KvVersioned,
  Operation,
  RegisterInput,
  ZnodeInput,
  ZnodeOutput,
} from '../operations.ts'
import { clip, valueText, visible } from './text.ts'

export type OperationKind = 'read' | 'write' | 'conditional'

type Input = KvInput | RegisterInput | ZnodeInput

/** The short form that stands in a bar: `get x → 1 (v7)`, `cas x 1→2 ✗`. A `?` is an answer that never came. */
export function labelOf(operation: Operation): string {
  const input = operation.input as Input
  const output = operation.output
  switch (input.f) {
    case 'read':
      return 'path' in input ? znodeLabel(input, output) : `read → ${registerAnswer(output)}`
    case 'write':
      return `write ${valueText(input.value)}${unanswered(output)}`
    case 'get':
    case 'put':
    case 'append':
    case 'delete':
    case 'increment':
    case 'multi-get':
    case 'txn':
      return keyValueLabel(input, output as KvOutput | null)
    case 'cas':
      if ('key' in input) return keyValueLabel(input, output as KvOutput | null)
      return `cas ${valueText(input.expect)}→${valueText(input.value)}${outcome(output)}`
    case 'create':
    case 'set':
    case 'remove':
    case 'children':
    case 'sync':
      return znodeLabel(input, output)
    default:
      return clip(visible(JSON.stringify(operation.input) ?? 'unnamed'), 80)
  }
}

export function kindOf(operation: Operation): OperationKind {
  switch ((operation.input as Input).f) {
    case 'read':
    case 'get':
    case 'multi-get':
    case 'children':
    case 'sync':
      return 'read'
    case 'cas':
    case 'txn':
      return 'conditional'
    default:
      return 'write'
  }
}

function keyValueLabel(input: KvInput, output: KvOutput | null): string {
  const answer = (output ?? {}) as {
    found?: KvVersioned | null
    version?: number
    number?: number
    values?: readonly (KvVersioned | null)[]
    reads?: readonly (KvVersioned | null)[]
  }
  const end = output === null ? ' → ?' : versionText(answer.version)
  switch (input.f) {
    case 'get':
      return `get ${name(input.key)} → ${output === null ? '?' : versioned(answer.found ?? null)}`
    case 'put':
      return `put ${name(input.key)}=${valueText(input.value)}${end}`
    case 'append':
      return `append ${name(input.key)}+=${valueText(input.value)}${end}`
    case 'delete':
      return `delete ${name(input.key)}${end}`
    case 'increment': {
      const sum = answer.number === undefined ? '' : ` → ${answer.number}`
      return `increment ${name(input.key)} by ${input.by}${sum}${end}`
    }
    case 'cas':
      return `cas ${name(input.key)} ${expectText(input.expect)}→${valueText(input.value)}${outcome(output)}${versionText(answer.version)}`
    case 'multi-get':
      return `get ${keyList(input.keys, answer.values)}${output === null ? ' → ?' : ''}`
    case 'txn':
      return transactionLabel(input, output, answer.reads)
  }
}

function transactionLabel(
  input: Extract<KvInput, { f: 'txn' }>,
  output: KvOutput | null,
  reads: readonly (KvVersioned | null)[] | undefined,
): string {
  const parts = [
    input.compares
      .map(({ key, expect }) =>
        'version' in expect ? `${name(key)}@v${expect.version}` : `${name(key)}=${valueText(expect.value)}`,
      )
      .join(' '),
    input.reads.length === 0 ? '' : `read ${keyList(input.reads, reads)}`,
    input.writes
      .map(({ key, value }) => (value === null ? `delete ${name(key)}` : `${name(key)}:=${valueText(value)}`))
      .join(' '),
  ]
  const [compares, ...actions] = parts
  const body = actions.filter((part) => part !== '').join('; ')
  return `txn ${compares === '' ? '' : `if ${compares}: `}${body}${outcome(output)}`
}

function keyList(keys: readonly string[], values: readonly (KvVersioned | null)[] | undefined): string {
  return keys
    .map((key, i) => (values === undefined ? name(key) : `${name(key)}→${versioned(values[i] ?? null)}`))
    .join(', ')
}

function znodeLabel(input: ZnodeInput, output: unknown): string {
  const answer = output as ZnodeOutput | null
  const path = 'path' in input ? ` ${valueText(input.path)}` : ''
  const data = 'data' in input ? `=${valueText(input.data)}` : ''
  const guard = 'version' in input && input.version >= 0 ? ` @v${input.version}` : ''
  return `${input.f}${path}${data}${guard}${znodeAnswer(answer)}`
}

function znodeAnswer(answer: ZnodeOutput | null): string {
  if (answer === null) return ' → ?'
  if (answer.error !== null) return ` ✗ ${answer.error}`
  if (answer.children !== undefined)
    return ` → ${answer.children.map((child) => valueText(child)).join(', ') || 'none'}`
  if (answer.data !== undefined) return ` → ${valueText(answer.data)}${versionText(answer.version)}`
  return versionText(answer.version)
}

function registerAnswer(output: unknown): string {
  if (output === null) return '?'
  return valueText((output as { value?: string | number | null }).value ?? null)
}

/** Whether the condition held. */
function outcome(output: unknown): string {
  if (output === null) return ' → ?'
  const answer = output as { matched?: boolean; applied?: boolean }
  return (answer.matched ?? answer.applied) === false ? ' ✗' : ' ✓'
}

function expectText(expect: KvExpect): string {
  return 'version' in expect ? `v${expect.version}` : valueText(expect.value)
}

function unanswered(output: unknown): string {
  return output === null ? ' → ?' : ''
}

function versioned(found: KvVersioned | null): string {
  return found === null ? 'absent' : `${valueText(found.value)}${versionText(found.version)}`
}

function versionText(version: number | undefined): string {
  return version === undefined ? '' : ` (v${version})`
}

function name(key: string): string {
  return valueText(key, 24)
}
