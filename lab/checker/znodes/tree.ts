import type { ZnodeInput, ZnodeOutput } from '../operations.ts'

/** What a client can tell of a znode. `createCount`: children ever created, which names sequential ones. */
export interface Node {
  readonly data: string
  readonly dataVersion: number
  readonly createCount: number
}

/** By path. Never changed in place. */
export type Tree = ReadonlyMap<string, Node>

/** What is there before the first operation: the root, and what is fixed below it. Clients' histories begin with nothing else. */
export const EMPTY_TREE: Tree = new Map(
  ['/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'].map((path) => [
    path,
    { data: '', dataVersion: 0, createCount: 0 },
  ]),
)

const ANY_VERSION = -1
/** Errors that this model foretells. Others, of rights or of arguments, have no effect and are believed. */
const FORETOLD = ['NO_NODE', 'NODE_EXISTS', 'BAD_VERSION', 'NOT_EMPTY']

/** What an operation does to a tree: a new tree and an answer, or the errors that it may end with. */
export interface Outcome {
  readonly tree: Tree
  /** Empty where it works. */
  readonly errors: readonly string[]
  readonly answer: Omit<ZnodeOutput, 'zxid' | 'error'>
}

export function run(tree: Tree, input: ZnodeInput): Outcome {
  switch (input.f) {
    case 'sync':
      return { tree, errors: [], answer: {} }
    case 'create':
      return create(tree, input)
    case 'set': {
      const node = tree.get(input.path)
      if (node === undefined) return failed(tree, ['NO_NODE'])
      if (!fits(input.version, node)) return failed(tree, ['BAD_VERSION'])
      const dataVersion = node.dataVersion + 1
      const next = new Map(tree).set(input.path, { ...node, data: input.data, dataVersion })
      return { tree: next, errors: [], answer: { version: dataVersion } }
    }
    case 'remove':
      return remove(tree, input)
    case 'read': {
      const node = tree.get(input.path)
      if (node === undefined) return failed(tree, ['NO_NODE'])
      return { tree, errors: [], answer: { data: node.data, version: node.dataVersion } }
    }
    case 'children':
      if (!tree.has(input.path)) return failed(tree, ['NO_NODE'])
      return { tree, errors: [], answer: { children: childrenOf(tree, input.path) } }
  }
}

/** Whether the outcome is what a client was told. */
export function agrees(outcome: Outcome, told: ZnodeOutput): boolean {
  if (told.error !== null) return !FORETOLD.includes(told.error) || outcome.errors.includes(told.error)
  if (outcome.errors.length > 0) return false
  const { path, version, data, children } = outcome.answer
  if (told.path !== undefined && path !== undefined && told.path !== path) return false
  if (told.version !== undefined && version !== undefined && told.version !== version) return false
  if (told.data !== undefined && told.data !== data) return false
  return told.children === undefined || sortedNames(told.children).join('/') === (children ?? []).join('/')
}

const sortedNames = (names: readonly string[]): readonly string[] =>
  names.filter((name) => name !== 'zookeeper').sort()

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? '/' : path.slice(0, slash)
}

function create(tree: Tree, input: Extract<ZnodeInput, { f: 'create' }>): Outcome {
  const parentPath = parentOf(input.path)
  const parent = tree.get(parentPath)
  if (parent === undefined) return failed(tree, ['NO_NODE'])
  const suffix = input.sequential === true ? String(parent.createCount).padStart(10, '0') : ''
  const path = `${input.path}${suffix}`
  if (tree.has(path)) return failed(tree, ['NODE_EXISTS'])
  const next = new Map(tree)
    .set(parentPath, { ...parent, createCount: parent.createCount + 1 })
    .set(path, { data: input.data, dataVersion: 0, createCount: 0 })
  return { tree: next, errors: [], answer: { path } }
}

function remove(tree: Tree, { path, version }: Extract<ZnodeInput, { f: 'remove' }>): Outcome {
  const node = tree.get(path)
  if (node === undefined) return failed(tree, ['NO_NODE'])
  const errors = [
    ...(fits(version, node) ? [] : ['BAD_VERSION']),
    ...(childrenOf(tree, path).length === 0 ? [] : ['NOT_EMPTY']),
  ]
  if (errors.length > 0) return failed(tree, errors)
  const next = new Map(tree)
  next.delete(path)
  return { tree: next, errors: [], answer: {} }
}

function childrenOf(tree: Tree, path: string): readonly string[] {
  const start = path === '/' ? '/' : `${path}/`
  const names = []
  for (const each of tree.keys())
    if (each.startsWith(start) && each.length > start.length && !each.includes('/', start.length))
      names.push(each.slice(start.length))
  return sortedNames(names)
}

const fits = (version: number, node: Node) => version === ANY_VERSION || version === node.dataVersion
const failed = (tree: Tree, errors: readonly string[]): Outcome => ({ tree, errors, answer: {} })
