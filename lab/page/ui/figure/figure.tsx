import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import type { BoardView } from '../../board/view.ts'
import { useWidth } from '../parts/use-width.ts'
import { usePage } from '../run/page.ts'
import { ClientCard } from './client-card.tsx'
import { CoordinatorCard } from './coordinator-card.tsx'
import { type Layout, layOut, serverOrder, type Taller } from './geometry.ts'
import { LinkLayer } from './link-layer.tsx'
import { ServerCard } from './server-card.tsx'

/** As the type's. */
const LECTURE_SCALE = 18 / 14
const USUAL: Taller = () => 0

const joined = (all: readonly { readonly name: string }[]): string => all.map(({ name }) => name).join(' ')
const split = (names: string): readonly string[] => names.split(' ').filter((name) => name !== '')

interface FigureProps {
  readonly view: Pick<BoardView, 'servers' | 'coordinators' | 'clients' | 'configs' | 'links'>
  /** Null: the first one. */
  readonly chain: string | null
  /** Operations that the judge names. */
  readonly culprits?: readonly number[]
  readonly taller?: Taller
  /** What is drawn between the cards, above all else. */
  readonly over: (layout: Layout) => ComponentChildren
}

/** Coordinators above, the chain from left to right, clients beneath: of a run in this page, or of real processes. */
export function Figure({ view, chain: wanted, culprits = [], taller = USUAL, over }: FigureProps) {
  const page = usePage()
  const { root, width } = useWidth<HTMLDivElement>()
  const config = view.configs.find(({ chain }) => chain === wanted) ?? view.configs[0] ?? null
  const chain = config?.chain ?? view.servers[0]?.replicas[0]?.chain ?? ''
  const scale = page.state.lecture ? LECTURE_SCALE : 1
  const names = {
    coordinators: joined(view.coordinators),
    servers: serverOrder(view.servers, config).join(' '),
    chain: (config?.members.map(({ server }) => server) ?? []).join(' '),
    clients: joined(view.clients),
  }
  const layout = useMemo(
    () =>
      layOut({
        width,
        scale,
        taller,
        coordinators: split(names.coordinators),
        servers: split(names.servers),
        chain: split(names.chain),
        clients: split(names.clients),
      }),
    [width, scale, taller, names.coordinators, names.servers, names.chain, names.clients],
  )
  const at = (name: string) => {
    const { x, y, width, height } = layout.boxes.get(name) ?? { x: 0, y: 0, width: 0, height: 0 }
    return { x, y, width, height }
  }
  return (
    <div class="figure" ref={root} style={{ height: `${layout.height}px` }}>
      {width > 0 && (
        <>
          <LinkLayer layout={layout} faults={view.links} />
          {view.coordinators.map((each) => (
            <CoordinatorCard key={each.name} coordinator={each} {...at(each.name)} />
          ))}
          {view.servers.map((each) => (
            <ServerCard
              key={each.name}
              server={each}
              chain={chain}
              epoch={config?.epoch ?? 0}
              {...at(each.name)}
            />
          ))}
          {view.clients.map((each) => (
            <ClientCard
              key={each.name}
              client={each}
              selected={each.name === page.state.client}
              culprits={culprits.join(',')}
              {...at(each.name)}
            />
          ))}
          {over(layout)}
        </>
      )}
    </div>
  )
}
