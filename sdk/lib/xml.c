/* Owns whole XML documents: parsing them without any help from outside, XPath over them. */
#include <config.h>

#include <usher/xml.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdbool.h>
#include <stdlib.h>

struct text
{
  struct text *next;
  xmlChar *value;   /* owned */
};

struct usher_xml
{
  xmlDocPtr doc;
  xmlXPathContextPtr xpath;
  xmlXPathObjectPtr rows;
  struct text *texts;
};

static void
refuse_doctype (void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
  (void) name;
  (void) id;
  (void) system;
  xmlStopParser (arg);
}

static void
ignore (void *arg, const char *msg, ...)
{
  (void) arg;
  (void) msg;
}

static void
ignore_structured (void *arg, xmlErrorPtr error)
{
  (void) arg;
  (void) error;
}

/* libxml2 takes a NUL for the end of a text; what stands behind it was not read. */
static bool
read_to_end (const xmlParserCtxt *parser)
{
  return parser->input && parser->input->cur == parser->input->end;
}

/* The tree, or NULL when it is not well-formed or has a document type. */
static xmlDocPtr
parse (const char *text, size_t len)
{
  xmlParserCtxtPtr parser = xmlNewParserCtxt ();
  xmlDocPtr doc;

  if (!parser)
    return NULL;
  parser->sax->internalSubset = refuse_doctype;
  parser->sax->error = parser->sax->warning = ignore;
  doc = xmlCtxtReadMemory (parser, text, (int) len, NULL, NULL,
                           XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  if (doc && (!parser->wellFormed || parser->errNo == XML_ERR_USER_STOP || !read_to_end (parser)))
    {
      xmlFreeDoc (doc);
      doc = NULL;
    }
  xmlFreeParserCtxt (parser);
  return doc;
}

int32_t
usher_xml_new (const void *text, size_t len, const struct usher_kv *prefixes, size_t n_prefixes,
               struct usher_xml **ret_xml)
{
  struct usher_xml *xml;
  size_t i;

  if (len > USHER_XML_DOCUMENT_MAX)
    return USHER_E_LIMIT;
  xml = calloc (1, sizeof *xml);
  if (!xml)
    return USHER_E_NOMEM;
  xml->doc = parse (text, len);
  if (!xml->doc)
    {
      free (xml);
      return USHER_E_SHAPE;
    }
  xml->xpath = xmlXPathNewContext (xml->doc);
  if (!xml->xpath)
    {
      usher_xml_free (xml);
      return USHER_E_NOMEM;
    }
  xml->xpath->error = ignore_structured;
  for (i = 0; i < n_prefixes; i++)
    if (xmlXPathRegisterNs (xml->xpath, (const xmlChar *) prefixes[i].key,
                            (const xmlChar *) prefixes[i].value) != 0)
      {
        usher_xml_free (xml);
        return USHER_E_MISUSE;
      }
  *ret_xml = xml;
  return USHER_DONE;
}

void
usher_xml_free (struct usher_xml *xml)
{
  if (!xml)
    return;
  while (xml->texts)
    {
      struct text *next = xml->texts->next;

      xmlFree (xml->texts->value);
      free (xml->texts);
      xml->texts = next;
    }
  if (xml->rows)
    xmlXPathFreeObject (xml->rows);
  if (xml->xpath)
    xmlXPathFreeContext (xml->xpath);
  xmlFreeDoc (xml->doc);
  free (xml);
}

static xmlNodePtr
row_node (const struct usher_xml *xml, size_t row)
{
  if (row == USHER_XML_ROOT)
    return (xmlNodePtr) xml->doc;
  if (!xml->rows || !xml->rows->nodesetval || row >= (size_t) xml->rows->nodesetval->nodeNr)
    return NULL;
  return xml->rows->nodesetval->nodeTab[row];
}

int32_t
usher_xml_select (struct usher_xml *xml, const char *xpath, size_t *ret_n)
{
  xmlXPathObjectPtr found;

  xml->xpath->node = (xmlNodePtr) xml->doc;
  found = xmlXPathEvalExpression ((const xmlChar *) xpath, xml->xpath);
  if (!found)
    return USHER_E_MISUSE;
  if (found->type != XPATH_NODESET)
    {
      xmlXPathFreeObject (found);
      return USHER_E_MISUSE;
    }
  if (found->nodesetval)
    xmlXPathNodeSetSort (found->nodesetval);
  if (xml->rows)
    xmlXPathFreeObject (xml->rows);
  xml->rows = found;
  *ret_n = found->nodesetval ? (size_t) found->nodesetval->nodeNr : 0;
  return USHER_DONE;
}

const char *
usher_xml_text (struct usher_xml *xml, size_t row, const char *xpath)
{
  xmlXPathObjectPtr found;
  struct text *text = NULL;
  xmlChar *value = NULL;

  xml->xpath->node = row_node (xml, row);
  if (!xml->xpath->node)
    return NULL;
  found = xmlXPathEvalExpression ((const xmlChar *) xpath, xml->xpath);
  if (found && !(found->type == XPATH_NODESET && xmlXPathNodeSetIsEmpty (found->nodesetval)))
    value = xmlXPathCastToString (found);
  if (found)
    xmlXPathFreeObject (found);
  if (value)
    text = malloc (sizeof *text);
  if (!text)
    {
      xmlFree (value);
      return NULL;
    }
  PLANTED_BUG ((const char *) value, strlen ((const char *) value));
  text->value = value;
  text->next = xml->texts;
  xml->texts = text;
  return (const char *) value;
}
