/** A yardstick as a process: its parent says which one; it answers with its port and lives until the channel closes. */
import { runBareFixedRelay } from './bare-fixed-relay.ts'
import { runBareFixedServer } from './bare-fixed-server.ts'
import { runBareRelay } from './bare-relay.ts'
import { runBareServer } from './bare-server.ts'

export type BareRole =
  | { readonly role: 'server'; readonly codec: 'fields' | 'fixed' }
  /** `next`: port of the process behind it, 0 for the last. `file`: null for memory. */
  | {
      readonly role: 'relay'
      readonly codec: 'fields' | 'fixed'
      readonly next: number
      readonly file: string | null
    }

export type BareAnswer = { readonly port: number } | { readonly error: string }

function play(order: BareRole): Promise<number> {
  if (order.role === 'server')
    return order.codec === 'fixed' ? runBareFixedServer() : runBareServer({ keys: 0, valueBytes: 0 })
  return order.codec === 'fixed' ? runBareFixedRelay(order) : runBareRelay(order)
}

process.once('disconnect', () => process.exit(0))
process.once('SIGINT', () => {}) // of the terminal, which sends it to all: this process ends with its parent
process.once('message', (order: BareRole) => {
  play(order).then(
    (port) => process.send?.({ port } satisfies BareAnswer),
    (error: Error) => process.send?.({ error: error.message } satisfies BareAnswer),
  )
})
