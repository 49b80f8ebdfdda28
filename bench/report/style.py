"""What the benchmark's page adds to the report's style sheet: rows that lose, and larger panels."""

from jaxinv.report import style

STYLE = f"""{style.STYLE}
:root{{--bad:#b3201a}}
@media (prefers-color-scheme:dark){{:root{{--bad:#ff8f85}}}}
.warned,.bad .value{{color:var(--bad)}}
.scroll tbody tr:has(.warned)>*{{color:var(--bad)}}
.scroll tbody tr:has(.warned)>.name{{box-shadow:inset 4px 0 var(--bad)}}
.scroll tbody tr:has(.warned)>.name::before{{content:"⚠ "}}
.scroll table{{width:max-content}}
.scroll th,.scroll td{{padding:5px 8px}}
.scroll td:not(.number){{white-space:normal;max-width:15em}}
.panels{{grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));gap:30px 26px}}
figcaption{{font-weight:600;font-size:.94rem;overflow-wrap:anywhere}}
figcaption span{{display:block;font-weight:400;font-size:.86rem}}
.cards{{grid-template-columns:repeat(auto-fit,minmax(min(172px,100%),1fr))}}
.legend svg{{width:30px}}
.roofline{{overflow-x:auto}}
.roofline svg{{min-width:660px}}
@media print{{:root{{--bad:#b3201a}}.roofline svg{{min-width:0}}}}"""
