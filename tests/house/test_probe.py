from tests.house.visitor import *
def test_it(visitor):
    page = visitor.book()
    print(page.url, page.status, page.words)
    for p in visitor.seen: print(p.status, p.url, p.all("Set-Cookie"))
    assert 0
