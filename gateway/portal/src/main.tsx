import { render } from 'preact'
import './styles/index.css'
import { Application } from './application'
import { followLinksAndHistory } from './location'
import { applyPreferences } from './preferences'

applyPreferences()
followLinksAndHistory()
// A page that the browser kept whole must not show what its reader saw before signing out.
window.addEventListener('pageshow', (event) => event.persisted && window.location.reload())

const place = document.getElementById('portal')
if (place) render(<Application />, place)
