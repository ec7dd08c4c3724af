import { useState } from 'preact/hooks'
import type { CatalogueQuery } from '../graph/generated'
import { type Organization, useSession } from '../session'
import { Button } from '../ui/button'
import { useWords } from '../words'
import { SignUpDialog } from './sign-up'

export type CatalogueService = CatalogueQuery['services'][number]

type Properties = {
  services: CatalogueService[]
  organization: Organization | null
  reload: () => Promise<void>
  title: string
}

/** The services that one can sign up for, with this organization or a new one. */
export function MoreServices({ services, organization, reload, title }: Properties) {
  const words = useWords()
  const labels = words.checklist
  const [chosen, setChosen] = useState<CatalogueService | 'any' | null>(null)
  const { reload: reloadSession } = useSession()
  return (
    <section class="block" aria-labelledby="more-services">
      <h2 id="more-services">{title}</h2>
      <p class="secondary">
        {!organization ? labels.firstText : services.length > 0 ? labels.moreText : labels.noMore}
      </p>
      {services.length > 0 && (
        <ul class="rows">
          {services.map((service) => (
            <li key={service.id}>
              <div>
                <strong>{service.name}</strong>
                <p class="secondary">{service.description}</p>
              </div>
              <Button
                icon="plus"
                label={`${labels.signUp}: ${service.name}`}
                onClick={() => setChosen(service)}
              >
                {labels.signUp}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {organization && (
        <div class="row-actions">
          <Button kind="quiet" icon="building" onClick={() => setChosen('any')}>
            {labels.newOrganization}
          </Button>
        </div>
      )}
      {chosen && (
        <SignUpDialog
          service={chosen === 'any' ? null : chosen}
          organization={chosen === 'any' ? null : organization}
          onClose={() => setChosen(null)}
          onDone={async () => {
            setChosen(null)
            await (organization ? reload() : reloadSession())
          }}
        />
      )}
    </section>
  )
}
