import { endWithBug } from '../node-bug.ts'
import { nodeTimers } from '../node-timers.ts'
import { connectedEvent, dialSocket } from '../transport/dial-socket.ts'
import { tlsFailureText, tlsSpeakerIn } from '../transport/tls-mistakes.ts'
import type { TlsSource } from '../transport/tls-options.ts'
import type { Address } from './addresses.ts'
import type { Link, LinkEvents, SessionPlatform } from './platform.ts'

/** Sessions over sockets. @param tls - null: in plain. */
export const nodePlatformOver = (tls: TlsSource | null): SessionPlatform => ({
  timers: nodeTimers,
  random: () => Math.random(),
  dial: (address, events) => dial(address, tls, events),
  onBug: endWithBug,
})

export const nodePlatform = nodePlatformOver(null)

function dial(address: Address, tls: TlsSource | null, events: LinkEvents): Link {
  const socket = dialSocket(address, tls)
  let corked = false
  socket.on(connectedEvent(tls), () => events.onConnect())
  let reason = 'the member closed the connection'
  let isFirst = true
  socket.on('data', (chunk) => {
    const mistake = isFirst ? tlsSpeakerIn(chunk) : null
    isFirst = false
    if (mistake === null) return events.onData(chunk)
    reason = mistake
    socket.destroy()
  })
  socket.on('error', (error) => {
    reason = tlsFailureText(error)
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
