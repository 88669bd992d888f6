/** Actions in words, for marks and buttons. */
import type { Action, ClientOperation, ZnodeOperation } from './action.ts'

export function operationText(operation: ClientOperation): string {
  const { type, key } = operation
  switch (operation.type) {
    case 'put':
    case 'append':
      return `${type} ${key}=${operation.value}`
    case 'increment':
      return `increment ${key} by ${operation.by}`
    case 'cas':
      return `cas ${key} ${operation.expect ?? 'absent'} to ${operation.value}`
    case 'delete':
      return `delete ${key}`
    case 'get': {
      const { at, consistency = 'strong', bound } = operation
      const how = consistency === 'strong' ? '' : ` ${consistency}${bound === undefined ? '' : ` ${bound}`}`
      return `get ${key}${at === undefined ? '' : ` at ${at}`}${how}`
    }
  }
}

function znodeText(operation: ZnodeOperation): string {
  const { type, path } = operation
  if (operation.type === 'create') {
    const kind = `${operation.ephemeral === true ? ' ephemeral' : ''}${operation.sequential === true ? ' sequential' : ''}`
    return `create${kind} ${path}=${operation.data}`
  }
  if (operation.type === 'set') return `set ${path}=${operation.data}`
  return operation.type === 'get' && operation.watch === true ? `get ${path} and watch` : `${type} ${path}`
}

export function actionText(action: Action): string {
  switch (action.type) {
    case 'client':
      return `${action.client}: ${operationText(action.op)}`
    case 'znode':
      return `visitor: ${znodeText(action.op)}`
    case 'slow':
      return action.costMs === 0
        ? `${action.node} is fast again`
        : `slow ${action.node}: ${action.costMs} ms for everything`
    case 'skew':
      return `clock of ${action.node} at ${action.rate}`
    case 'cut':
    case 'heal':
      return `${action.type} ${action.from} ${action.both ? 'and' : 'to'} ${action.to}`
    case 'slow-link':
      return `slow ${action.from} to ${action.to}: ${action.factor} times`
    case 'message':
      return `${action.do} message ${action.id}${action.do === 'delay' ? ` by ${action.byMs ?? 100} ms` : ''}`
    case 'blackout':
      return 'power cut of everything'
    case 'heal-all':
      return 'heal every link'
    case 'add-server':
      return 'add a server'
    default:
      return `${action.type} ${action.node}`
  }
}
