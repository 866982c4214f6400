"""Drafts of the documents, and who was shown which version."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_FINAL = (
    'id', 'document', 'number', 'language', 'text', 'digest', 'published_at', 'effective_at',
    'source', 'written', 'summary',
)
_SAME = ' AND '.join(f'NEW.{name} IS OLD.{name}' for name in _FINAL)
_TAKEN_BACK = (
    'OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL '
    'AND NEW.withdrawn_at < OLD.effective_at'
)

GUARDS = {
    'sqlite': [
        'CREATE TRIGGER document_version_no_delete BEFORE DELETE ON document_version '
        "BEGIN SELECT RAISE(ABORT, 'a published version is final'); END",
        'CREATE TRIGGER document_version_no_update BEFORE UPDATE ON document_version '
        f'WHEN NOT ({_SAME} AND {_TAKEN_BACK}) '
        "BEGIN SELECT RAISE(ABORT, 'a published version is final'); END",
    ],
    'postgresql': [
        'CREATE FUNCTION document_version_is_final() RETURNS trigger LANGUAGE plpgsql AS '
        "$$BEGIN IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'withdrawn_at' = "
        f"to_jsonb(OLD) - 'withdrawn_at' AND {_TAKEN_BACK} THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION 'a published version is final'; END$$",
        'CREATE TRIGGER document_version_final BEFORE UPDATE OR DELETE ON document_version '
        'FOR EACH ROW EXECUTE FUNCTION document_version_is_final()',
    ],
}


def upgrade(engine_name: str) -> None:
    """Go up in one of the databases."""
    {"book": upgrade_book, "keys": upgrade_keys}[engine_name]()


def downgrade(engine_name: str) -> None:
    """Go back in one of the databases."""
    {"book": downgrade_book, "keys": downgrade_keys}[engine_name]()


def upgrade_book() -> None:
    """The book."""
    # By ALTER TABLE, also on SQLite: agreements refer to these rows.
    for column in (
        sa.Column('source', sa.String(length=20), nullable=True),
        sa.Column('written', sa.Text(), nullable=True),
        sa.Column('summary', sa.Text(), server_default='', nullable=False),
        sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column('document_version', column)
    # Until now every version was a text of the program.
    op.execute("UPDATE document_version SET source = document || '-' || number")
    op.create_index(
        'uq_document_version_source', 'document_version', ['source', 'language'], unique=True
    )
    for guard in GUARDS[op.get_bind().dialect.name]:
        op.execute(guard)

    op.add_column('session', sa.Column('news_at', sa.DateTime(timezone=True), nullable=True))

    op.create_table('document_draft',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('document', sa.String(length=10), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=True),
    sa.Column('based_on', sa.Integer(), nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("document IN ('terms', 'privacy')", name=op.f('ck_document_draft_known_document')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document_draft'))
    )
    op.create_table('draft_text',
    sa.Column('draft_id', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('summary', sa.Text(), server_default='', nullable=False),
    sa.Column('revision', sa.Integer(), server_default='1', nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['draft_id'], ['document_draft.id'], name=op.f('fk_draft_text_draft_id_document_draft'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('draft_id', 'language', name=op.f('pk_draft_text'))
    )
    op.create_table('shipped_text',
    sa.Column('name', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('came_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_shipped_text'))
    )
    op.create_table('version_notice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('document', sa.String(length=10), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('key_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('shown_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('noticed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('noticed_how', sa.String(length=6), server_default='', nullable=False),
    sa.CheckConstraint("noticed_how IN ('', 'button', 'use')", name=op.f('ck_version_notice_known_how')),
    sa.CheckConstraint("(noticed_at IS NULL) = (noticed_how = '')", name=op.f('ck_version_notice_noticed_somehow')),
    sa.ForeignKeyConstraint(['document', 'number', 'language'], ['document_version.document', 'document_version.number', 'document_version.language'], name=op.f('fk_version_notice_document_number_language_document_version')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_version_notice_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_version_notice')),
    sa.UniqueConstraint('key_digest', name=op.f('uq_version_notice_key_digest')),
    sa.UniqueConstraint('person_id', 'document', 'number', name=op.f('uq_version_notice_person_id_document_number'))
    )
    with op.batch_alter_table('version_notice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_version_notice_person_id'), ['person_id'], unique=False)



def downgrade_book() -> None:
    """The book."""
    with op.batch_alter_table('version_notice', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_version_notice_person_id'))

    op.drop_table('version_notice')
    op.drop_table('shipped_text')
    op.drop_table('draft_text')
    op.drop_table('document_draft')
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.drop_column('news_at')

    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP TRIGGER document_version_final ON document_version')
        op.execute('DROP FUNCTION document_version_is_final()')
    else:
        op.execute('DROP TRIGGER document_version_no_update')
        op.execute('DROP TRIGGER document_version_no_delete')
    # Nobody can have agreed to what was taken back before it was in force.
    op.execute('DELETE FROM document_version WHERE withdrawn_at IS NOT NULL')
    with op.batch_alter_table('document_version', schema=None) as batch_op:
        batch_op.drop_index('uq_document_version_source')
        batch_op.drop_column('withdrawn_at')
        batch_op.drop_column('summary')
        batch_op.drop_column('written')
        batch_op.drop_column('source')



def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
