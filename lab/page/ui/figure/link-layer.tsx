import type { LinkFaultView } from '../../board/view.ts'
import { memo } from '../parts/memo.tsx'
import { curveOf, type Layout, pathText, pointOn, signOn } from './geometry.ts'

/** The chain itself, the ensemble's mesh, and what is wrong with any link. */
export const LinkLayer = memo(
  ({ layout, faults }: { readonly layout: Layout; readonly faults: readonly LinkFaultView[] }) => {
    const { chain, boxes } = layout
    const pairs = chain.slice(1).map((name, i) => [chain[i] ?? name, name] as const)
    const ensemble = [...boxes].filter(([, box]) => box.row === 0).map(([name]) => name)
    return (
      <svg class="links" width={layout.width} height={layout.height} aria-hidden="true">
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerUnits="userSpaceOnUse"
            markerWidth="9"
            markerHeight="9"
            orient="auto-start-reverse"
          >
            <path d="M0 0L8 4L0 8Z" />
          </marker>
        </defs>
        {ensemble.slice(1).map((name, i) => (
          <path key={name} class="mesh" d={pathText(curveOf(layout, ensemble[i] ?? name, name))} />
        ))}
        {pairs.map(([from, to]) => (
          <g key={`${from} ${to}`}>
            <path class="chain-link" d={pathText(curveOf(layout, from, to))} marker-end="url(#arrow)" />
            <path class="chain-link up" d={pathText(curveOf(layout, to, from))} marker-end="url(#arrow)" />
          </g>
        ))}
        {faults.map((fault) => (
          <Fault key={`${fault.from} ${fault.to}`} fault={fault} layout={layout} />
        ))}
      </svg>
    )
  },
)

function Fault({ fault, layout }: { readonly fault: LinkFaultView; readonly layout: Layout }) {
  const curve = curveOf(layout, fault.from, fault.to)
  const { x, y } = pointOn(curve, 0.5)
  const sign = signOn(layout, fault.from, fault.to)
  return (
    <g class={fault.cut ? 'fault-cut' : 'fault-slow'}>
      <path d={pathText(curve)} />
      {fault.cut ? (
        <path class="cross" d={`M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x + 5} ${y - 5}L${x - 5} ${y + 5}`} />
      ) : (
        <text x={sign.x} y={sign.y + 4} text-anchor="middle">
          ×{fault.slow}
        </text>
      )}
    </g>
  )
}
