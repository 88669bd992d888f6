import { EVENT_TYPES, type Request, type Response } from '../../../protocol/zookeeper/ops.ts'
import type { WatcherEvent } from '../../../protocol/zookeeper/records.ts'

const textOf = (bytes: Uint8Array | null) => (bytes === null ? '' : new TextDecoder().decode(bytes))

export function nameOfRequest(request: Request): string {
  switch (request.type) {
    case 'create':
    case 'delete':
    case 'sync':
      return `${request.type} ${request.path}`
    case 'setData':
      return `set ${request.path} = ${textOf(request.data)}`
    case 'getData':
    case 'exists':
    case 'getChildren':
      return `${request.type === 'getData' ? 'get' : request.type} ${request.path}${request.watch ? ', watch' : ''}`
    default:
      return request.type
  }
}

export function textOfResponse(response: Response | null): string {
  switch (response?.type) {
    case 'getData':
      return textOf(response.data)
    case 'exists':
      return 'it is there'
    case 'getChildren':
      return response.children.join(' ')
    case 'create':
      return `created ${response.path}`
    case 'setData':
      return `version ${response.stat.version}`
    default:
      return 'ok'
  }
}

export function textOfEvent({ type, path }: WatcherEvent): string {
  const what = Object.entries(EVENT_TYPES).find(([, number]) => number === type)?.[0] ?? 'changed'
  return `${path} ${what === 'dataChanged' ? 'changed' : what === 'childrenChanged' ? 'has other children' : what}`
}
