"""What every page shares: the frame, headers, languages, forms' base, errors, static files.

*Private page*: one that shows somebody's own things; it is never stored or
compressed. *Carried*: what a visitor chose without a cookie (a language, a
basket's address), handed on in the site's own links.
"""
