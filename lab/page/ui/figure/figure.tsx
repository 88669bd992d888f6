import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { BoardVerdict, BoardView } from '../../board/view.ts'
import { usePage } from '../run/page.ts'
import { ClientCard } from './client-card.tsx'
import { CoordinatorCard } from './coordinator-card.tsx'
import { layOut, serverOrder } from './geometry.ts'
import { LinkLayer } from './link-layer.tsx'
import { MessageLayer } from './message-layer.tsx'
import { ServerCard } from './server-card.tsx'

const LECTURE_SCALE = 1.22

function useWidth() {
  const [width, setWidth] = useState(1000)
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = root.current
    if (element === null) return
    const look = () => setWidth(Math.round(element.clientWidth))
    look()
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return { root, width }
}

const without = (all: readonly string[], name: string): string =>
  all.filter((each) => each !== name).join(' ')

/** Coordinators above, the chain from left to right, clients beneath, and messages between them. */
export function Figure({ view, verdict }: { readonly view: BoardView; readonly verdict: BoardVerdict }) {
  const page = usePage()
  const { root, width } = useWidth()
  const config = view.configs.find(({ chain }) => chain === page.state.chain) ?? view.configs[0] ?? null
  const chain = config?.chain ?? view.servers[0]?.replicas[0]?.chain ?? ''
  const scale = page.state.lecture ? LECTURE_SCALE : 1
  const names = {
    coordinators: view.coordinators.map(({ name }) => name).join(' '),
    servers: serverOrder(view, config).join(' '),
    chain: (config?.members.map(({ server }) => server) ?? []).join(' '),
    clients: view.clients.map(({ name }) => name).join(' '),
  }
  const layout = useMemo(() => {
    const split = (joined: string) => joined.split(' ').filter((name) => name !== '')
    return layOut({
      width,
      scale,
      coordinators: split(names.coordinators),
      servers: split(names.servers),
      chain: split(names.chain),
      clients: split(names.clients),
    })
  }, [width, scale, names.coordinators, names.servers, names.chain, names.clients])
  const processes = [...view.servers, ...view.coordinators, ...view.clients].map(({ name }) => name)
  const at = (name: string) => {
    const { x, y, width, height } = layout.boxes.get(name) ?? { x: 0, y: 0, width: 0, height: 0 }
    return { x, y, width, height }
  }
  const culprits = verdict.culprits.join(',')
  return (
    <div class="figure" ref={root} style={{ height: `${layout.height}px` }}>
      <LinkLayer layout={layout} faults={view.links} />
      {view.coordinators.map((each) => (
        <CoordinatorCard
          key={each.name}
          coordinator={each}
          others={without(processes, each.name)}
          {...at(each.name)}
        />
      ))}
      {view.servers.map((each) => (
        <ServerCard
          key={each.name}
          server={each}
          chain={chain}
          epoch={config?.epoch ?? 0}
          others={without(processes, each.name)}
          {...at(each.name)}
        />
      ))}
      {view.clients.map((each) => (
        <ClientCard
          key={each.name}
          client={each}
          selected={each.name === page.state.client}
          culprits={culprits}
          {...at(each.name)}
        />
      ))}
      <MessageLayer messages={view.messages} layout={layout} />
      {view.messagesHidden > 0 && (
        <p class="hidden-messages">and {view.messagesHidden} more messages, not drawn</p>
      )}
    </div>
  )
}
