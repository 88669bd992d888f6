import { connect } from 'node:net'
import { endWithBug } from '../node-bug.ts'
import { nodeTimers } from '../node-timers.ts'
import type { Address } from './addresses.ts'
import type { Link, LinkEvents, SessionPlatform } from './platform.ts'

/** Sessions over sockets. */
export const nodePlatform: SessionPlatform = {
  timers: nodeTimers,
  random: () => Math.random(),
  dial: dialSocket,
  onBug: endWithBug,
}

function dialSocket(address: Address, events: LinkEvents): Link {
  const socket = connect({ ...address, noDelay: true })
  let corked = false
  socket.on('connect', () => events.onConnect())
  socket.on('data', (chunk) => events.onData(chunk))
  let reason = 'the member closed the connection'
  socket.on('error', (error) => {
    reason = error.message
  })
  socket.on('close', () => events.onClose(reason))
  return {
    /** What is written in one turn leaves in one piece. */
    write(bytes) {
      if (!corked) {
        corked = true
        socket.cork()
        process.nextTick(() => {
          corked = false
          socket.uncork()
        })
      }
      socket.write(bytes)
    },
    destroy: () => socket.destroy(),
  }
}
