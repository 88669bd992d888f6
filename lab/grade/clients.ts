/** The clients of a run: what they asked, what they were told, and when. */
import type { KvInput, KvOutput, Operation } from '../checker/operations.ts'
import { Failure } from './contract.ts'

export interface Request {
  readonly id: number
  readonly client: string
  readonly at: string
  readonly key: string
  /** Null: a get. */
  readonly put: string | null
  readonly call: number
  state: 'open' | 'answered' | 'refused' | 'lost'
  value: string | null
  returned: number
  /** How many steps of the run had been taken when it was answered, or asked. */
  lastStep: number
}

export class Clients {
  readonly requests: Request[] = []
  #events = 0

  ask(client: string, at: string, key: string, isPut: boolean): Request {
    const id = this.requests.length + 1
    const request: Request = {
      ...{ id, client, at, key, put: isPut ? `v${id}` : null, call: ++this.#events },
      ...{ state: 'open', value: null, returned: Number.POSITIVE_INFINITY, lastStep: 0 },
    }
    this.requests.push(request)
    return request
  }

  answered(replica: string, id: number, value: string | null): Request {
    const request = this.#find(replica, id)
    if (request.put === null && value !== null && typeof value !== 'string')
      throw new Failure('answers make sense', `${replica} answered get #${id} with ${typeof value}`)
    request.state = 'answered'
    request.value = value
    request.returned = ++this.#events
    return request
  }

  refused(replica: string, id: number): Request {
    const request = this.#find(replica, id)
    request.state = 'refused'
    return request
  }

  /** Its replica has crashed. It may have happened all the same. */
  lose(at: string): void {
    for (const request of this.requests)
      if (request.at === at && request.state === 'open') request.state = 'lost'
  }

  isBusy = (client: string): boolean =>
    this.requests.some((request) => request.client === client && request.state === 'open')

  get open(): readonly Request[] {
    return this.requests.filter(({ state }) => state === 'open')
  }

  /** What was refused did not happen. */
  history(): Operation<KvInput, KvOutput>[] {
    return this.requests
      .filter(({ state }) => state !== 'refused')
      .map(({ id, client, key, put, call, state, value, returned }) => {
        const input: KvInput = put === null ? { f: 'get', key } : { f: 'put', key, value: put }
        const told: KvOutput = put === null ? { found: value === null ? null : { value } } : {}
        // Who lost an answer is another client from then on: an open operation is its process's last.
        const process = state === 'lost' ? `${client} (#${id})` : client
        return { id, process, input, output: state === 'answered' ? told : null, call, return: returned }
      })
  }

  #find(replica: string, id: number): Request {
    const request = this.requests.find((one) => one.id === id)
    if (request === undefined)
      throw new Failure('one answer for each request', `${replica} answered #${id}, which nobody asked`)
    if (request.state !== 'open' && request.state !== 'lost')
      throw new Failure(
        'one answer for each request',
        `${replica} answered #${id}, which was answered before`,
      )
    return request
  }
}

export const requestText = ({ id, key, put }: Request): string =>
  put === null ? `get ${key} (#${id})` : `put ${key}=${put} (#${id})`
